"""Archives that want to get out of the folder they are unpacked into, or to fill it: what archive.unpack is given."""

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.security.attacks.attack import BOMB, Deed
from tests.support.boxed import Box
from tools.contract import MIB
from tools.registry import find

KIND = "archives"
UP = "../" * 40
Build = Callable[[Any], bytes]
Proof = Callable[[Path, Any], bool]


def _unpacking(name: str, build: Build, proof: Proof, **more: Any) -> Deed:
    """An archive that got through if `proof` finds what it wanted, in the folder or on the host."""

    def inside(box: Box, host: Any) -> bool:
        box.workspace.write_bytes("archive", build(host))
        tool = find("archive.unpack")
        tool.run(tool.parse({"archive": "archive", "into": "output/unpacked"}), box.context(limits=BOMB))
        return proof(box.workspace.path / "output" / "unpacked", host)

    def outside(folder: Path, host: Any) -> bool:
        (folder / "archive").write_bytes(build(host))
        with suppress(OSError):
            _unpack_naively(folder / "archive", folder / "unpacked")
        return proof(folder / "unpacked", host)

    return Deed(name=name, kind=KIND, inside=inside, outside=outside, **{"is_long": True, **more})


def _unpack_naively(archive: Path, folder: Path) -> None:
    """Do what the archive says, as a program without care would."""
    folder.mkdir()
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as opened:
            opened.extraction_filter = lambda member, path: member  # type: ignore[assignment,method-assign]
            opened.extractall(folder)
        return
    with zipfile.ZipFile(archive) as opened_zip:
        for info in opened_zip.infolist():
            target = Path(os.path.normpath(folder / info.filename))
            target.parent.mkdir(parents=True, exist_ok=True)
            if stat.S_ISLNK(info.external_attr >> 16):
                target.symlink_to(opened_zip.read(info).decode())
            else:
                target.write_bytes(opened_zip.read(info))


def _tar(*members: tuple[str, dict[str, Any], bytes], kind: str = "w") -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode=kind) as archive:
        for name, fields, data in members:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            info.uid, info.gid = os.getuid(), os.getgid()
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(data))
    return held.getvalue()


def _zip(*members: tuple[str, int, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, mode, data in members:
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr, info.compress_type = 3, mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return held.getvalue()


def _link(target: str) -> dict[str, Any]:
    return {"type": tarfile.SYMTYPE, "linkname": target}


def _planted(folder: Path, host: Any) -> bool:
    planted = Path(host.drop, "planted")
    is_there = planted.exists()
    planted.unlink(missing_ok=True)
    return is_there


def _is_secret(folder: Path, host: Any) -> bool:
    return (folder / "x").exists() and (folder / "x").samefile(host.secret_path)


def _is(kind: Callable[[int], bool]) -> Proof:
    return lambda folder, host: kind((folder / "x").stat().st_mode)


def _is_huge(folder: Path, host: Any) -> bool:
    return (folder / "x").exists() and (folder / "x").stat().st_size > BOMB.workspace_bytes


def _sparse(host: Any) -> bytes:
    sparse = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "x",
        "GNU.sparse.realsize": str(10**11),
    }
    data = b"1\n99999999999\n0\n".ljust(512, b"\0")
    return _tar(("x", {"pax_headers": sparse}, data))


CLIMBING_TAR = _unpacking(
    "climb out of the folder: tar",
    lambda host: _tar((f"{UP}{host.drop[1:]}/planted", {}, b"x")),
    _planted,
    is_long=False,
)
CLIMBING_ZIP = _unpacking(
    "climb out of the folder: zip", lambda host: _zip((f"{UP}{host.drop[1:]}/planted", 0o644, b"x")), _planted
)
ABSOLUTE_TAR = _unpacking(
    "name a path of the host: tar", lambda host: _tar((f"{host.drop}/planted", {}, b"x")), _planted
)
ABSOLUTE_ZIP = _unpacking(
    "name a path of the host: zip", lambda host: _zip((f"{host.drop}/planted", 0o644, b"x")), _planted
)
LINK_TAR = _unpacking(
    "write through a link of the archive: tar",
    lambda host: _tar(("way", _link(host.drop), b""), ("way/planted", {}, b"x")),
    _planted,
)
LINK_ZIP = _unpacking(
    "write through a link of the archive: zip",
    lambda host: _zip(("way", stat.S_IFLNK | 0o777, host.drop.encode()), ("way/planted", 0o644, b"x")),
    _planted,
    is_long=False,
)
LINK_CHAIN = _unpacking(
    "write through a chain of links, each harmless by itself",
    lambda host: _tar(
        ("a", _link("."), b""),
        ("a/b", _link(".."), b""),
        ("b/c", _link(host.drop), b""),
        ("b/c/planted", {}, b"x"),
        ("c", _link(f"b/../{UP}{host.drop[1:]}"), b""),
        ("c/planted", {}, b"x"),
    ),
    _planted,
)
TWICE = _unpacking(
    "write through a name that comes twice: first a link, then a file",
    lambda host: _tar(("x", _link(f"{host.drop}/planted"), b""), ("x", {}, b"x")),
    _planted,
    is_long=False,
)
HARD_LINK = _unpacking(
    "have a file of the host as a second name in the workspace",
    lambda host: _tar(("x", {"type": tarfile.LNKTYPE, "linkname": host.secret_path}, b"")),
    _is_secret,
)
LINK_TO_SECRET = _unpacking(
    "have a link to a file of the host, for whoever reads it later",
    lambda host: _tar(("x", _link(host.secret_path), b"")),
    _is_secret,
)
PIPE = _unpacking(
    "have a pipe that holds up whoever reads it",
    lambda host: _tar(("x", {"type": tarfile.FIFOTYPE}, b"")),
    _is(stat.S_ISFIFO),
)
DEVICE = _unpacking(
    "have a device of the kernel",
    lambda host: _tar(("x", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}, b"")),
    _is(stat.S_ISCHR),
    shown_by="root",
)
SETUID = _unpacking(
    "have a program that runs as its owner",
    lambda host: _tar(("x", {"mode": 0o4755}, b"x")),
    _is(lambda mode: bool(mode & stat.S_ISUID)),
)
BOMB_ZIP = _unpacking(
    "fill the disk from a small archive: zip", lambda host: _zip(("x", 0o644, bytes(60 * MIB))), _is_huge
)
BOMB_TAR = _unpacking(
    "fill the disk from a small archive: tar", lambda host: _tar(("x", {}, bytes(60 * MIB)), kind="w:gz"), _is_huge
)
SPARSE = _unpacking("have a file that is huge and takes no space", _sparse, _is_huge)
