"""How full a call's workspace is: bytes on disk and names, counted while the call runs.

Counting means walking the whole tree, so it is done seldom, and at once when what was written since says that the
rest of the quota may be gone.
"""

import errno
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from models.errors import NotFound
from tools import files_at
from tools.contract import MIB, Limits

WALK_EVERY_S = 1.0
_SHARE, _HURRIED_SHARE = 20, 4
"""Walking takes no more than one of so many seconds; the second where the quota may be gone."""
_UNNOTICED_BYTES = 16 * MIB
_UNNOTICED_FILES = 2000
_TRIES = 50
_Found = TypeVar("_Found")


@dataclass
class Count:
    """What a tree holds; `is_too_deep` where some of it could not be counted."""

    bytes: int = 0
    names: int = 0
    is_too_deep: bool = False


class Disk:
    """The workspace of one running call, or another folder on disk that is counted alike."""

    def __init__(self, workspace: Path, limits: Limits) -> None:
        self._workspace = workspace
        self._limits = limits
        self._started = time.monotonic()
        self._next_walk = self._started + WALK_EVERY_S
        self._next_hurried_walk = self._started
        self._written = 0
        self._free = os.statvfs(workspace)
        self._room = Count(_UNNOTICED_BYTES, _UNNOTICED_FILES)

    def over(self, written_bytes: int) -> str | None:
        """The limit that the workspace is over, as far as it was time to count.

        `written_bytes` is what the call's processes have written so far.
        """
        try:
            return self._over(written_bytes)
        except (FileNotFoundError, NotFound):
            # A folder that tier 3 made for the call goes with it, and takes no room then.
            return None

    def _over(self, written_bytes: int) -> str | None:
        now = time.monotonic()
        if now < self._next_walk and (now < self._next_hurried_walk or not self._may_be_full(written_bytes)):
            return None
        # Taken before: what is written while we count is counted again.
        self._written, self._free = written_bytes, os.statvfs(self._workspace)
        found = self._walked()
        took = time.monotonic() - now
        self._next_walk = now + max(WALK_EVERY_S, _SHARE * took)
        self._next_hurried_walk = now + _HURRIED_SHARE * took
        return self._judged(found)

    def _may_be_full(self, written_bytes: int) -> bool:
        # Others write to the same file system: this only says when to look.  Space can be taken without a write.
        free = os.statvfs(self._workspace)
        taken = max(written_bytes - self._written, (self._free.f_bfree - free.f_bfree) * free.f_frsize)
        return taken >= self._room.bytes or self._free.f_ffree - free.f_ffree >= self._room.names

    def _walked(self) -> Count:
        root = files_at.open_root(self._workspace)
        try:
            return count(root, self._limits.workspace_bytes, self._limits.workspace_files)
        finally:
            os.close(root)

    def _judged(self, found: Count) -> str | None:
        left = self._limits.workspace_bytes - found.bytes, self._limits.workspace_files - found.names
        self._room = Count(max(_UNNOTICED_BYTES, left[0] // 2), max(_UNNOTICED_FILES, left[1] // 2))
        if found.is_too_deep or left[1] < 0:
            return "workspace_files"
        return "workspace_bytes" if left[0] < 0 else None


def count(root: int, most_bytes: int, most_names: int) -> Count:
    """Count the tree below the descriptor; stops once over either number, or where it is too deep to go on."""
    found = Count()
    _add(found, root, most_bytes, most_names, 1)
    return found


def _add(found: Count, folder: int, most_bytes: int, most_names: int, depth: int) -> None:
    # Not `files_at.walk`: it lists a folder at once, and this one may hold more names than our memory.
    with os.scandir(folder) as entries:
        for entry in entries:
            # One that goes at once counts too: new ones may come as fast as they are listed.
            found.names += 1
            try:
                seen = _seen(folder, entry)
            except FileNotFoundError:
                if found.names > most_names:
                    return
                continue
            except PermissionError:
                found.is_too_deep = True
                return
            found.bytes += seen.st_blocks * 512
            if stat.S_ISDIR(seen.st_mode):
                found.is_too_deep |= depth >= files_at.DEPTH_LIMIT
                if not found.is_too_deep:
                    _add_below(found, folder, entry.name, most_bytes, most_names, depth)
            if found.is_too_deep or found.bytes > most_bytes or found.names > most_names:
                return


def _seen(folder: int, entry: "os.DirEntry[str]") -> os.stat_result:
    try:
        return entry.stat(follow_symlinks=False)
    except PermissionError:
        # A folder that may be read and not entered hides nothing either.
        return _insisting(folder, lambda: os.stat(entry.name, dir_fd=folder, follow_symlinks=False))


def _insisting(folder: int, look: Callable[[], _Found]) -> _Found:
    """Look again where the folder, or what is in it, is being closed as fast as we open it."""
    for _ in range(_TRIES):
        try:
            os.fchmod(folder, 0o700)
            return look()
        except PermissionError:
            continue
    raise PermissionError(errno.EACCES, "closed again and again")


def _add_below(found: Count, folder: int, name: str, most_bytes: int, most_names: int, depth: int) -> None:
    try:
        below = _open(folder, name)
    except PermissionError:
        found.is_too_deep = True
        return
    except OSError as error:
        # It went away, or became something else, since it was seen.
        if error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR):
            raise
        return
    try:
        _add(found, below, most_bytes, most_names, depth + 1)
    finally:
        os.close(below)


def _open(folder: int, name: str) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=folder)
    except PermissionError:
        return _insisting(folder, lambda: _taken_back(folder, name, flags))


def _taken_back(folder: int, name: str, flags: int) -> int:
    files_at.take_back(folder, name, 0o700)
    return os.open(name, flags, dir_fd=folder)
