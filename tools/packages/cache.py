"""Environments that were installed, each under the digest of what is in it: complete, read-only, shared by all tasks.

    folder/<digest>/lib/       modules, and scripts in lib/bin
    folder/<digest>/made.json  what it is made of
    folder/resolved/           what asked sets came to (memory.py)
    folder/scratch/            where the installer works

An environment appears under its name by one rename: two that make the same at once both make it, and one wins.
Whoever uses one holds a shared lock on its folder; what is locked is never deleted.
"""

import ctypes
import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.errors import NotFound
from tools import removal
from tools.packages.rules import Rules

LIB = "lib"
SCRATCH = "scratch"
RESOLVED = "resolved"
_MADE = "made.json"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ABANDONED_S = 86400
"""No call is that long: what it left was left by a worker that is gone."""

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Made:
    """What is in an environment; each of `packages` has name, version, sha256 and size."""

    packages: list[dict[str, Any]]
    files: int
    total_bytes: int


def find(folder: Path, digest: str) -> Made | None:
    """What the environment of that name holds; None where there is none."""
    try:
        return Made(**json.loads((folder / _checked(digest) / _MADE).read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return None


def draft(folder: Path) -> Path:
    """A new folder to make an environment in, which nobody else sees."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"draft-{secrets.token_hex(8)}"
    path.mkdir(mode=0o755)
    return path


def keep(draft: Path, digest: str, made: Made) -> None:
    """Give the draft its name; fine where another worker was first."""
    (draft / _MADE).write_text(json.dumps(asdict(made)), encoding="utf-8")
    draft.chmod(0o555)
    _sync(draft)
    try:
        draft.rename(draft.parent / _checked(digest))
    except OSError:
        if find(draft.parent, digest) is None:
            raise
        remove(draft)


@contextmanager
def using(folder: Path, digest: str) -> Iterator[Path]:
    """The environment's folder, which stays while the block runs.

    Raises:
        NotFound: this host has none of that name.
    """
    path = folder / _checked(digest)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound("cannot find the environment", digest=digest) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if not _is_same(path, descriptor):
            raise NotFound("cannot find the environment: it was deleted just now", digest=digest)
        # Owned by another user where workers share a folder: then theirs is the use that counts.
        with suppress(PermissionError):
            os.utime(descriptor)
        yield path
    finally:
        os.close(descriptor)


def prune(rules: Rules, but: str = "") -> list[str]:
    """Delete what was not used for too long, then what is least recently used until the rest has room.

    What a call uses stays, and so does the one named `but`.  Returns the names of the environments that went.
    """
    _clear_left_overs(rules.folder)
    found = sorted(_by_last_use(rules.folder))
    sizes = {path: made.total_bytes for _, path in found if (made := find(rules.folder, path.name))}
    room, gone = sum(sizes.values()), []
    for used_at, path in found:
        is_old = time.time() - used_at > rules.keep_for.total_seconds()
        if path.name != but and (is_old or room > rules.keep_bytes) and _delete_unused(path):
            room -= sizes.get(path, 0)
            gone.append(path.name)
    return gone


def remove(path: Path) -> None:
    """Delete a folder of the cache; fine if it is gone."""
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(FileNotFoundError):
            removal.remove_tree(parent, path.name)
    finally:
        os.close(parent)


def _by_last_use(folder: Path) -> Iterator[tuple[float, Path]]:
    for each in folder.iterdir():
        # Another worker may be deleting it just now.
        with suppress(FileNotFoundError):
            if _DIGEST.fullmatch(each.name):
                yield each.stat().st_mtime, each


def _delete_unused(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:  # another worker was first
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_same(path, descriptor):
            return False
        # Its name goes first: whoever waits for the lock finds that it is gone.
        going = path.with_name(f"draft-{secrets.token_hex(8)}")
        path.rename(going)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    remove(going)
    return True


def _clear_left_overs(folder: Path) -> None:
    """Delete what workers that were killed did not."""
    (folder / SCRATCH).mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / RESOLVED).mkdir(mode=0o700, exist_ok=True)
    before = time.time() - _ABANDONED_S
    for each in (*folder.glob("draft-*"), *(folder / SCRATCH).iterdir()):
        with suppress(FileNotFoundError):
            if each.stat().st_mtime < before:
                remove(each)
    for each in (folder / RESOLVED).iterdir():
        with suppress(FileNotFoundError):
            if each.stat().st_mtime < before:
                each.unlink()


def _is_same(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _checked(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise NotFound("cannot find the environment", digest=digest[:80])
    return digest


def _sync(folder: Path) -> None:
    """Wait until all that was written is on the disk: a name must not stand for files that a power cut emptied."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _libc.syncfs(descriptor)
    finally:
        os.close(descriptor)
