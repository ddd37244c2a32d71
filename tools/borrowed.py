"""A folder of the host as a workspace, for a command that a person runs by hand: which may be, and whose it is then.

Root works in no sandbox (identity.py), so as root what is in the folder belongs to a sandbox uid while the command
runs, and to whom it belonged before once it has ended.  A whole system or home is no workspace for anybody: what the
command may write, it may delete, and what it may read, it may hand on.
"""

import os
import pwd
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.errors import Conflict, InvalidInput
from tools import files_at, identity, uids

MOST_NAMES = 200_000
"""More than these are not handed over and back; a workspace holds no more by default."""

_SYSTEM = ("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "usr")
_SET_ID = stat.S_ISUID | stat.S_ISGID
_CURE = 'give a folder of its own, such as one that "mktemp -d" makes'


@dataclass(frozen=True)
class _Owner:
    uid: int
    gid: int


def require_lendable(folder: Path, ours: tuple[Path, ...] = ()) -> None:
    """Nothing, where the folder may be a workspace; `ours` are folders of the installation, which may not.

    Raises:
        InvalidInput: it is part of the system or of OpsCore, or it holds a home; says what to give instead.
    """
    if identity.owner_of(folder) is not None:
        # A task's workspace, wherever it lies.
        return
    system = [Path("/", name) for name in _SYSTEM]
    for part in (*system, *ours):
        if folder.is_relative_to(part.resolve()):
            raise InvalidInput(f"cannot work in {folder}: it is part of {part}; {_CURE}", folder=str(folder))
    for held in (*system, *ours, *_homes(), *_others()):
        if held.is_relative_to(folder):
            raise InvalidInput(f"cannot work in {folder}: it holds {held}; {_CURE}", folder=str(folder))


def _homes() -> Iterator[Path]:
    yield Path.home().resolve()
    for person in pwd.getpwall():
        home = Path(person.pw_dir)
        if home.is_dir():
            yield home.resolve()


def _others() -> Iterator[Path]:
    yield from (Path(path).resolve() for path in (sys.prefix, sys.base_prefix, tempfile.gettempdir()))


@contextmanager
def borrowed(folder: Path) -> Iterator[None]:
    """As root, have the folder and what is in it belong to a lent uid for as long as the block lasts.

    Whoever a file belonged to has it back afterwards, and new ones belong to whom the folder belongs to.  Files with
    several links or with a setuid bit stay as they are.  A folder that a sandbox uid owns keeps it.  Where this
    process is killed meanwhile nothing is given back: `chown -R` does it.

    Raises:
        Conflict: somebody else is at work with the folder's uid, in this folder or in another.
        InvalidInput: it holds too many names.
        SandboxUnavailable: all uids are lent; transient.
        Misconfigured: /run cannot be written.
    """
    if not identity.drops_uid():
        yield
    elif (uid := identity.owner_of(folder)) is not None:
        with uids.this_one(uid, identity.LOCKS) as is_ours:
            if not is_ours:
                raise Conflict("cannot work in the folder: its user is at work already; wait for the end", uid=uid)
            yield
    else:
        with identity.lent() as lent:
            assert lent is not None  # noqa: S101  (root drops its uid)
            with _lent_to(lent, folder):
                yield


@contextmanager
def _lent_to(uid: int, folder: Path) -> Iterator[None]:
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        found = os.fstat(root)
        owner, before = _Owner(found.st_uid, found.st_gid), _owners(root, folder)
        try:
            _hand_over(root, uid, before)
            os.fchown(root, uid, uid)
            yield
        finally:
            os.fchown(root, owner.uid, owner.gid)
            _hand_back(root, uid, owner, before)
    finally:
        os.close(root)


_Before = dict[tuple[str, int, int], _Owner]
"""Whose each file was, by its path, device and inode."""


def _owners(root: int, folder: Path) -> _Before:
    before: _Before = {}
    for found in files_at.walk(root):
        before[_key(found)] = _Owner(found.stat.st_uid, found.stat.st_gid)
        if len(before) > MOST_NAMES:
            raise InvalidInput(f"cannot work in {folder}: it holds more than {MOST_NAMES:,} files; {_CURE}")
    return before


def _key(found: files_at.Found) -> tuple[str, int, int]:
    return found.path, found.stat.st_dev, found.stat.st_ino


def _hand_over(root: int, uid: int, before: _Before) -> None:
    for found in files_at.walk(root):
        # To change the owner of such a file would take its bits away.
        is_set_id = stat.S_ISREG(found.stat.st_mode) and found.stat.st_mode & _SET_ID
        if _key(found) in before and not is_set_id:
            files_at.give(found.folder, found.name, uid)


def _hand_back(root: int, uid: int, owner: _Owner, before: _Before) -> None:
    for found in files_at.walk(root):
        if found.stat.st_uid == uid:
            whose = before.get(_key(found), owner)
            files_at.give(found.folder, found.name, whose.uid, whose.gid)
