"""Open files below a folder by descriptor, so that nothing in the folder can lead out of it.

Whoever fills a workspace may put links, pipes and devices in it, and may swap them while we look; checking a
path and then opening it loses that race.  `openat2` resolves below a descriptor and follows no link, and what
was opened is looked at before it is used.  All trusted access to a workspace goes through this module.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from models.errors import InvalidInput, Misconfigured, NotFound

DEPTH_LIMIT = 64
"""No honest tree is deeper; one that is would cost a descriptor for each level."""

_COPY_BYTES = 2**30
_OPENAT2 = 437  # the same number on every architecture
_NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x02, 0x04, 0x08
_libc = ctypes.CDLL(None, use_errno=True)


class _How(ctypes.Structure):
    """struct open_how of linux/openat2.h."""

    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


@dataclass(frozen=True)
class Found:
    """One name met on a walk; `folder` is a descriptor that is open until the next one is asked for."""

    path: str
    name: str
    folder: int
    stat: os.stat_result
    depth: int


def open_root(path: Path) -> int:
    """A descriptor of a workspace's own folder, opened again if whoever works in it closed it.

    Raises:
        NotFound: it is not there.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK, follow_symlinks=False):
            # The folder above is ours alone: nobody can have put a link in its place.
            path.chmod(0o700)
        return os.open(path, flags)
    except FileNotFoundError as error:
        raise NotFound("cannot find the workspace", folder=path.name) from error


def open_beneath(root: int, path: str, flags: int, mode: int = 0) -> int:
    """A descriptor of root/path.  `path` may be "." but may not contain "..".

    Raises:
        InvalidInput: the path leaves the root, or a link is on the way.
        NotFound: there is nothing.
    """
    resolve = _BENEATH | _NO_SYMLINKS | _NO_MAGICLINKS
    how = _How(flags | os.O_CLOEXEC, mode if flags & os.O_CREAT else 0, resolve)
    descriptor = _libc.syscall(_OPENAT2, root, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
    if descriptor < 0:
        raise _as_ours(ctypes.get_errno(), path)
    return int(descriptor)


def open_regular(root: int, path: str, flags: int) -> int:
    """A descriptor of a regular file with one link; anything else is refused before a byte is read.

    A second link would be a second name for a file that may belong to somebody else.
    """
    # O_NONBLOCK: opening a pipe must not wait for its other end.
    descriptor = open_beneath(root, path, flags | os.O_NONBLOCK | os.O_NOCTTY, 0o644)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
        return descriptor
    os.close(descriptor)
    raise InvalidInput("cannot open anything but a regular file with one link", path=path)


@contextmanager
def folder_of(root: int, path: str, *, make: bool = False, owner: int | None = None) -> Iterator[tuple[int, str]]:
    """The descriptor of the folder that `path` is in, and the last part of `path`."""
    folder, _, name = clean(path).rpartition("/")
    if name in ("", "."):
        raise InvalidInput("cannot use the workspace itself here", path=path)
    if make and folder:
        make_folders(root, folder, owner)
    descriptor = open_beneath(root, folder or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor, name
    finally:
        os.close(descriptor)


def clean(path: str) -> str:
    """The path without empty and "." parts; "." if nothing is left.

    Raises:
        InvalidInput: it is absolute, has "..", a NUL, or is too long.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts:
        raise InvalidInput("cannot leave the workspace: paths are relative to it", path=path)
    if "\0" in path or len(os.fsencode(path)) > 4000 or any(len(os.fsencode(part)) > 255 for part in parts):
        raise InvalidInput("cannot use this path: it is too long or has a NUL", path=repr(path[:100]))
    if len(parts) > DEPTH_LIMIT:
        raise InvalidInput("cannot use this path: it is too deep", path=path[:100], most=DEPTH_LIMIT)
    return "/".join(parts) or "."


def make_folders(root: int, path: str, owner: int | None = None) -> None:
    """Make the folder and those above it, each belonging to `owner`; fine where they are there."""
    made = ""
    for part in clean(path).split("/"):
        above, made = made, f"{made}/{part}" if made else part
        parent = open_beneath(root, above or ".", os.O_RDONLY | os.O_DIRECTORY)
        try:
            with suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=parent)
                give(parent, part, owner)
        finally:
            os.close(parent)
    os.close(open_beneath(root, made, os.O_RDONLY | os.O_DIRECTORY))


def give(folder: int, name: str, owner: int | None) -> None:
    """Hand what was just made to `owner`; None leaves it ours."""
    if owner is not None:
        os.chown(name, owner, owner, dir_fd=folder, follow_symlinks=False)


def walk(
    root: int, *, leave_out: frozenset[str] = frozenset(), depth_limit: int = DEPTH_LIMIT, ours: bool = True
) -> Iterator[Found]:
    """Everything below the descriptor, parents first, by name; names in `leave_out` are skipped.

    A folder that is too deep is shown and not entered.  One that is closed to us is opened first where the tree
    is `ours`: whoever works in a workspace must not be able to hide things in it.

    Raises:
        InvalidInput: a folder is closed to us, and the tree is not ours.
    """
    yield from _walk(root, "", 1, leave_out, depth_limit, ours)


def _walk(
    folder: int, prefix: str, depth: int, leave_out: frozenset[str], depth_limit: int, ours: bool
) -> Iterator[Found]:
    for name in sorted(os.listdir(folder)):
        if name in leave_out:
            continue
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            continue
        yield Found(prefix + name, name, folder, found, depth)
        if not stat.S_ISDIR(found.st_mode) or depth >= depth_limit:
            continue
        with _entered(folder, name, ours) as below:
            if below is not None:
                yield from _walk(below, f"{prefix}{name}/", depth + 1, leave_out, depth_limit, ours)


@contextmanager
def _entered(folder: int, name: str, ours: bool) -> Iterator[int | None]:
    """The folder's descriptor; None where it went away or became something else since it was seen."""
    try:
        descriptor = _enter(folder, name, ours)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _enter(folder: int, name: str, ours: bool) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=folder)
    except PermissionError as error:
        if not ours:
            raise InvalidInput("cannot read a folder: no permission", path=name) from error
    take_back(folder, name, 0o700)
    return os.open(name, flags, dir_fd=folder)


def take_back(folder: int, name: str, mode: int) -> None:
    """Give the owner's permissions back to a file or folder whose owner took them away; follows no link."""
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if not stat.S_ISLNK(os.fstat(handle).st_mode):
            Path(f"/proc/self/fd/{handle}").chmod(mode)
    finally:
        os.close(handle)


def copy_bytes(source: int, target: int) -> None:
    """Copy all that is left in one open file to the other."""
    # The kernel copies; some pairs of file systems refuse, and then it goes through sendfile.
    try:
        while os.copy_file_range(source, target, _COPY_BYTES):
            pass
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        while os.sendfile(target, source, None, _COPY_BYTES):
            pass


def disk_usage(root: int, most: int) -> int:
    """Bytes that the tree takes on disk; stops counting once over `most`.

    A tree too deep to be walked counts as over: what is hidden there cannot be counted.
    """
    total = 0
    for found in walk(root):
        total += found.stat.st_blocks * 512
        is_too_deep = found.depth >= DEPTH_LIMIT and stat.S_ISDIR(found.stat.st_mode)
        if total > most or is_too_deep:
            return max(total, most + 1)
    return total


_REFUSED = {
    errno.ELOOP: "cannot follow a link",
    errno.EXDEV: "cannot follow a link",
    errno.ENOTDIR: "cannot use a file as a folder",
    errno.EISDIR: "cannot use a folder as a file",
    errno.ENXIO: "cannot open anything but a regular file with one link",
    errno.EACCES: "cannot open it: no permission",
    errno.EPERM: "cannot open it: no permission",
}


def _as_ours(number: int, path: str) -> Exception:
    if number in _REFUSED:
        return InvalidInput(_REFUSED[number], path=path)
    if number == errno.ENOENT:
        return NotFound("cannot find it in the workspace", path=path)
    if number == errno.ENOSYS:
        return Misconfigured("cannot open files safely: the kernel has no openat2 (Linux 5.6 or newer)")
    return OSError(number, os.strerror(number), path)
