"""Open files below a folder by descriptor, so that nothing in the folder can lead out of it.

Whoever fills a workspace may put links, pipes and devices in it, and may swap them while we look; checking a
path and then opening it loses that race.  `openat2` resolves below a descriptor and follows no link, and what
was opened is looked at before it is used.  All trusted access to a workspace goes through this module; what the
system refuses is said in refusals.py.
"""

import ctypes
import errno
import os
import stat
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from models.errors import InvalidInput, NotFound
from tools.refusals import as_ours, in_our_words

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
        NotFound: it is not there, or something else is.
    """
    try:
        handle = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound("cannot find the workspace", folder=path.name) from error
    try:
        _open_again(handle, os.R_OK | os.W_OK | os.X_OK)
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=handle)
    finally:
        os.close(handle)


def _open_again(folder: int, wanted: int) -> None:
    """Give an open folder its owner's permissions back where they do not let us do what is `wanted`."""
    opened = f"/proc/self/fd/{folder}"
    if not os.access(opened, wanted):
        Path(opened).chmod(0o700)


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
        raise as_ours(ctypes.get_errno(), path)
    return int(descriptor)


def open_regular(root: int, path: str, flags: int) -> int:
    """A descriptor of a regular file with one link that is there; anything else is refused unopened.

    A second link would be a second name for a file that may belong to somebody else.
    """
    # Pinned first: opening a pipe wakes its writer, and opening a device may do anything.
    pinned = open_beneath(root, path, os.O_PATH)
    try:
        found = os.fstat(pinned)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise InvalidInput("cannot open anything but a regular file with one link", path=path)
        with in_our_words(path):
            return os.open(f"/proc/self/fd/{pinned}", flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    finally:
        os.close(pinned)


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
        InvalidInput: it is absolute, has "..", a NUL, is too long, or is no text that a name can be made of.
    """
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        raise InvalidInput("cannot use this path: it is no valid text", path=repr(path[:100])) from error
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


@contextmanager
def _pinned(folder: int, name: str) -> Iterator[tuple[str, os.stat_result]]:
    """A name under which exactly what was looked at can be changed, whatever takes its place meanwhile."""
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        yield f"/proc/self/fd/{handle}", os.fstat(handle)
    finally:
        os.close(handle)


def _is_shared(found: os.stat_result) -> bool:
    """Whether changing it may change what belongs to somebody else: a second name, or a device."""
    is_twice = found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode)
    return is_twice or stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode)


def give(folder: int, name: str, owner: int | None, group: int | None = None) -> None:
    """Hand it to `owner`, a link itself and not where it leads; None leaves it, as does what has two names.

    Its group becomes the owner's own, of the same number, unless `group` says another.
    """
    if owner is None:
        return
    with _pinned(folder, name) as (itself, found):
        if not _is_shared(found):
            os.chown(itself, owner, owner if group is None else group)


def take_back(folder: int, name: str, mode: int) -> None:
    """Give the owner's permissions back to a file or folder whose owner took them away; follows no link."""
    with _pinned(folder, name) as (itself, found):
        if not stat.S_ISLNK(found.st_mode) and not _is_shared(found):
            Path(itself).chmod(mode)


@dataclass(frozen=True)
class _Way:
    """How a walk goes; see `walk`."""

    leave_out: frozenset[str]
    depth_limit: int
    ours: bool
    most_each: int | None


def walk(
    root: int,
    *,
    leave_out: frozenset[str] = frozenset(),
    depth_limit: int = DEPTH_LIMIT,
    ours: bool = True,
    after: str = "",
    most_each: int | None = None,
) -> Iterator[Found]:
    """Everything below the descriptor, parents first, by name; names in `leave_out` are skipped.

    A folder that is too deep is shown and not entered.  One that is closed to us is opened first where the tree
    is `ours`: whoever works in a workspace must not be able to hide things in it.  `after` is the path that an
    earlier walk came to: this one goes on behind it.  `most_each` is the most names of one folder.

    Raises:
        InvalidInput: a folder is closed to us, and the tree is not ours.
    """
    way = _Way(leave_out, depth_limit, ours, most_each)
    yield from _walk(root, "", 1, way, after.split("/") if after else [])


def _walk(folder: int, prefix: str, depth: int, way: _Way, after: list[str]) -> Iterator[Found]:
    names = sorted(os.listdir(folder))
    first = bisect_left(names, after[0]) if after else 0
    for name in names[first:][: way.most_each]:
        if name in way.leave_out:
            continue
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            continue
        except PermissionError as error:
            raise InvalidInput("cannot read a folder: no permission", path=prefix + name) from error
        was_seen = bool(after) and name == after[0]
        if not was_seen:
            yield Found(prefix + name, name, folder, found, depth)
        if not stat.S_ISDIR(found.st_mode) or depth >= way.depth_limit:
            continue
        with _entered(folder, name, way.ours) as below:
            if below is not None:
                yield from _walk(below, f"{prefix}{name}/", depth + 1, way, after[1:] if was_seen else [])


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
        descriptor = os.open(name, flags, dir_fd=folder)
    except PermissionError as error:
        if not ours:
            raise InvalidInput("cannot read a folder: no permission", path=name) from error
        take_back(folder, name, 0o700)
        return os.open(name, flags, dir_fd=folder)
    if ours:
        # One that may be read but not entered lists names that nobody can look at.
        _open_again(descriptor, os.R_OK | os.X_OK)
    return descriptor


def copy_bytes(source: int, target: int, most: int) -> None:
    """Copy what is left in one open file to the other, `most` bytes of it: a file may grow while it is read."""
    # The kernel copies; some pairs of file systems refuse, and then it goes through sendfile.
    left = most
    try:
        while left > 0 and (copied := os.copy_file_range(source, target, min(left, _COPY_BYTES))):
            left -= copied
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        while left > 0 and (copied := os.sendfile(target, source, None, min(left, _COPY_BYTES))):
            left -= copied


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
