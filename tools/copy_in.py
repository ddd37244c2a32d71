"""Copy what a task works on from the host into a workspace: bytes only, never a link.

Used by workspace.py.  Which folders of the host may be named at all is decided by who calls.
"""

import errno
import os
import stat
from pathlib import Path

from models.errors import InvalidInput, NotFound
from tools import files_at

LEFT_OUT = frozenset({"__pycache__", "site-packages", "dist-packages"})
"""Made from other files, or somebody else's code: neither is the input."""


def copy(source: Path, target: int, *, owner: int | None, max_bytes: int | None, without: Path | None) -> list[str]:
    """Copy a folder's contents, or one file, into the folder `target`; returns paths relative to it.

    `source` must be free of links, as who checked it found it; `without` is a folder that is left out.

    Raises:
        NotFound: there is no such file or folder.
        InvalidInput: it holds more than `max_bytes`, or something that we may not read.
    """
    descriptor = _open_source(source)
    try:
        budget = _Budget(max_bytes)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            return _copy_folder(descriptor, target, owner, budget, _identity(without))
        _copy_file(descriptor, target, source.name, owner, budget)
        return [source.name]
    finally:
        os.close(descriptor)


def _open_source(source: Path) -> int:
    # Not by its path alone: a folder on the way may have become a link since the path was checked.
    top = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return files_at.open_beneath(top, str(source).lstrip("/") or ".", os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except NotFound as error:
        raise NotFound("cannot find the input", path=str(source)) from error
    except InvalidInput as error:
        raise InvalidInput(error.message.replace("open it", "read the input"), path=str(source)) from error
    finally:
        os.close(top)


def _identity(folder: Path | None) -> tuple[int, int] | None:
    if folder is None:
        return None
    found = folder.stat()
    return found.st_dev, found.st_ino


class _Budget:
    """How many more bytes may be copied."""

    def __init__(self, most: int | None) -> None:
        self.most = most
        self.left = most

    def take(self, size: int) -> None:
        if self.left is None:
            return
        self.left -= size
        if self.left < 0:
            raise InvalidInput("cannot copy the input: it is too large", most_bytes=self.most)


def _copy_folder(
    source: int, target: int, owner: int | None, budget: _Budget, without: tuple[int, int] | None
) -> list[str]:
    copied = []
    folders = {"": os.dup(target)}
    left_out: str | None = None
    try:
        for found in files_at.walk(source, leave_out=LEFT_OUT, ours=False):
            if left_out is not None and found.path.startswith(left_out):
                continue
            if (found.stat.st_dev, found.stat.st_ino) == without:
                left_out = f"{found.path}/"
                continue
            parent = _leave_to(folders, found.path)
            if stat.S_ISDIR(found.stat.st_mode):
                folders[f"{found.path}/"] = _make_and_enter(parent, found.name, owner)
            elif stat.S_ISREG(found.stat.st_mode):
                _copy_found(found, parent, owner, budget)
                copied.append(found.path)
    finally:
        for descriptor in folders.values():
            os.close(descriptor)
    return copied


def _leave_to(folders: dict[str, int], path: str) -> int:
    """The open descriptor of the folder that `path` is in; those that the walk has left are closed."""
    parent = path[: path.rfind("/") + 1]
    for left in [folder for folder in folders if not parent.startswith(folder)]:
        os.close(folders.pop(left))
    return folders[parent]


def _make_and_enter(parent: int, name: str, owner: int | None) -> int:
    files_at.make_folders(parent, name, owner)
    return files_at.open_beneath(parent, name, os.O_RDONLY | os.O_DIRECTORY)


def _copy_found(found: files_at.Found, parent: int, owner: int | None, budget: _Budget) -> None:
    try:
        source = os.open(found.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=found.folder)
    except PermissionError as error:
        raise InvalidInput("cannot read a file of the input: no permission", path=found.path) from error
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
            raise
        raise InvalidInput("cannot copy the input: it changed meanwhile", path=found.path) from error
    try:
        _copy_file(source, parent, found.name, owner, budget)
    finally:
        os.close(source)


def _copy_file(source: int, folder: int, name: str, owner: int | None, budget: _Budget) -> None:
    found = os.fstat(source)
    if not stat.S_ISREG(found.st_mode):
        raise InvalidInput("cannot copy anything but files and folders", path=name)
    budget.take(found.st_size)
    mode = 0o755 if found.st_mode & 0o111 else 0o644
    target = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode, dir_fd=folder)
    try:
        files_at.copy_bytes(source, target, found.st_size)
        if owner is not None:
            os.fchown(target, owner, owner)
    finally:
        os.close(target)
