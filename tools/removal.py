"""Delete what a workspace holds, however it was made to resist: depth, closed folders, links, numbers, writers.

By descriptor, as in files_at.py; used by workspace.py and restore.py.
"""

import errno
import os
import secrets
import stat
import time

from models.errors import Conflict
from tools import files_at

ROUNDS = 20
"""How often a folder is emptied again because something wrote into it meanwhile."""
PAUSE_S = 0.02
FOLDERS_A_ROUND = 1_000_000
"""More than any honest tree has; who makes new ones while we delete must not keep us for ever."""

# The name is something else by now than it was when it was looked at; the next round sees what.
_SWAPPED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOTEMPTY, errno.EPERM})


def empty(root: int) -> None:
    """Delete all that is in the folder.

    Raises:
        Conflict: something keeps writing into it.
    """
    for _ in range(ROUNDS):
        _empty_all(root)
        if not os.listdir(root):
            return
        time.sleep(PAUSE_S)
    raise Conflict("cannot empty the folder: something keeps writing into it")


def remove_tree(parent: int, name: str) -> int:
    """Delete the folder and all that is in it, however deep; returns how many entries went.

    Folders found inside are first moved up beside the others, so that neither the stack nor the open
    descriptors grow with the depth, and no path is ever longer than two names.

    Raises:
        Conflict: something keeps writing into it.
    """
    top = _open_to_empty(parent, name)
    removed = 0
    try:
        for _ in range(ROUNDS):
            removed += _empty_all(top)
            try:
                os.rmdir(name, dir_fd=parent)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                time.sleep(PAUSE_S)
            else:
                return removed + 1
    finally:
        os.close(top)
    raise Conflict("cannot delete the folder: something keeps writing into it", folder=name)


def _empty_all(top: int) -> int:
    """One round through everything below; what resists is left for the next."""
    removed, pending = 0, ["."]
    for _ in range(FOLDERS_A_ROUND):
        if not pending:
            break
        folder = pending.pop()
        try:
            removed += _empty(top, folder, pending)
        except OSError as error:
            if error.errno not in _SWAPPED:
                raise
    return removed


def _open_to_empty(parent: int, name: str) -> int:
    # Whoever owns a folder may have taken its permissions away; deleting needs them back.
    files_at.take_back(parent, name, 0o700)
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)


def _empty(top: int, folder: str, pending: list[str]) -> int:
    """Delete the files of one folder right below `top`, move its folders up to `top`, and delete it."""
    descriptor = os.dup(top) if folder == "." else _open_to_empty(top, folder)
    removed = 0
    try:
        for name in os.listdir(descriptor):  # noqa: PTH208  (a descriptor has no path)
            try:
                removed += _take_out(descriptor, name, None if folder == "." else top, pending)
            except OSError as error:
                if error.errno not in _SWAPPED:
                    raise
    finally:
        os.close(descriptor)
    if folder == ".":
        return removed
    os.rmdir(folder, dir_fd=top)
    return removed + 1


def _take_out(folder: int, name: str, top: int | None, pending: list[str]) -> int:
    """Delete a file, or note a folder as pending, moved up to `top` first where it is not there already."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=folder)
        return 1
    pending.append(name if top is None else _move_up(folder, name, top))
    return 0


def _move_up(folder: int, name: str, top: int) -> str:
    # A folder is moved only by who may write to it: its ".." changes.
    os.close(_open_to_empty(folder, name))
    moved = secrets.token_hex(16)
    os.rename(name, moved, src_dir_fd=folder, dst_dir_fd=top)
    return moved
