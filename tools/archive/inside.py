"""Unpack one archive: what archive.unpack runs inside the sandbox, with the standard library alone.

    inside.py ARCHIVE FOLDER MOST-FILES MOST-BYTES

Prints what it did as a JSON object; a bad archive is one line "error: …" on stderr and exit code 1.
"""

import json
import stat
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

_CHUNK = 2**20
_SHOWN = 20


class Refused(Exception):
    """The archive cannot be unpacked; the message says why."""


class Member(NamedTuple):
    """One name in an archive; `content` is None for what is no regular file."""

    name: str
    is_folder: bool
    is_executable: bool
    content: IO[bytes] | None


def unpack(archive: Path, folder: Path, most_files: int, most_bytes: int) -> dict[str, object]:
    """Unpack it; returns how many files and bytes there were, and which names were left out."""
    files, total, left_out = 0, 0, []
    folder.mkdir(parents=True, exist_ok=True)
    for member in _members(archive):
        target = _place(folder, member.name)
        if target is None or (member.content is None and not member.is_folder):
            left_out.append(member.name)
        elif member.is_folder:
            target.mkdir(parents=True, exist_ok=True)
        elif member.content is not None:
            files += 1
            total += _write(member.content, target, most_bytes - total)
            target.chmod(0o755 if member.is_executable else 0o644)
        if files > most_files:
            raise Refused(f"the archive holds more than {most_files:,} files")
    return {"files": files, "total_bytes": total, "left_out": left_out[:_SHOWN], "left_out_count": len(left_out)}


def _place(folder: Path, name: str) -> Path | None:
    """Where the member goes; None if that is not below the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        return None
    return folder / path


def _write(content: IO[bytes], target: Path, most: int) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with target.open("wb") as file:
        while chunk := content.read(_CHUNK):
            written += len(chunk)
            if written > most:
                raise Refused("the archive is too large when unpacked")
            file.write(chunk)
    return written


def _members(archive: Path) -> Iterator[Member]:
    if zipfile.is_zipfile(archive):
        return _of_zip(archive)
    if tarfile.is_tarfile(archive):
        return _of_tar(archive)
    raise Refused("this is neither a zip nor a tar archive")


def _of_zip(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            mode = info.external_attr >> 16
            kind = stat.S_IFMT(mode)
            if info.is_dir() or kind not in (0, stat.S_IFREG):
                yield Member(info.filename, info.is_dir(), False, None)
                continue
            if info.flag_bits & 1:
                raise Refused("the archive is encrypted")
            with opened.open(info) as content:
                yield Member(info.filename, False, bool(mode & 0o111), content)


def _of_tar(archive: Path) -> Iterator[Member]:
    with tarfile.open(archive) as opened:
        for info in opened:
            content = opened.extractfile(info) if info.isreg() else None
            yield Member(info.name, info.isdir(), bool(info.mode & 0o111), content)


@contextmanager
def _said_clearly() -> Iterator[None]:
    try:
        yield
    except Refused as error:
        sys.exit(f"error: cannot unpack: {error}")
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError, NotImplementedError) as error:
        sys.exit(f"error: cannot unpack: the archive is damaged or of an unknown kind ({error})")
    except OSError as error:
        sys.exit(f"error: cannot unpack: {error}")


if __name__ == "__main__":
    with _said_clearly():
        found = unpack(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
        print(json.dumps(found))  # noqa: T201
