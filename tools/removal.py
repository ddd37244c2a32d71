"""Delete what a workspace holds, however it was made to resist: depth, closed folders, links, numbers.

By descriptor, as in files_at.py; used by workspace.py and restore.py.
"""

import os
import secrets
import stat

from tools import files_at


def empty(root: int) -> None:
    """Delete all that is in the folder."""
    for name in os.listdir(root):
        if stat.S_ISDIR(os.stat(name, dir_fd=root, follow_symlinks=False).st_mode):
            remove_tree(root, name)
        else:
            os.unlink(name, dir_fd=root)


def remove_tree(parent: int, name: str) -> int:
    """Delete the folder and all that is in it, however deep; returns how many entries went.

    Folders found inside are first moved up beside the others, so that neither the stack nor the open
    descriptors grow with the depth, and no path is ever longer than two names.
    """
    top = _open_to_empty(parent, name)
    removed, pending = 0, ["."]
    try:
        while pending:
            removed += _empty(top, pending.pop(), pending)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=parent)
    return removed + 1


def _open_to_empty(parent: int, name: str) -> int:
    # Whoever owns a folder may have taken its permissions away; deleting needs them back.
    files_at.take_back(parent, name, 0o700)
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)


def _empty(top: int, folder: str, pending: list[str]) -> int:
    """Delete the files of one folder right below `top`, move its folders up to `top`, and delete it."""
    descriptor = os.dup(top) if folder == "." else _open_to_empty(top, folder)
    unlinked = 0
    try:
        for name in os.listdir(descriptor):  # noqa: PTH208  (a descriptor has no path)
            if stat.S_ISDIR(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
                pending.append(_move_up(descriptor, name, top) if folder != "." else name)
            else:
                os.unlink(name, dir_fd=descriptor)
                unlinked += 1
    finally:
        os.close(descriptor)
    if folder == ".":
        return unlinked
    os.rmdir(folder, dir_fd=top)
    return unlinked + 1


def _move_up(folder: int, name: str, top: int) -> str:
    # A folder is moved only by who may write to it: its ".." changes.
    os.close(_open_to_empty(folder, name))
    moved = secrets.token_hex(16)
    os.rename(name, moved, src_dir_fd=folder, dst_dir_fd=top)
    return moved
