"""Change modes and times of files for those who may not do it themselves.

Landlock does not look at these, and the code may run as a user who owns files of the host.  So the kernel hands
such calls to the outer process, which does what is asked of a file of the call's own writable folders and refuses
the rest.  It finds the file as the caller would, holds on to it, and shows that it is one of ours by finding it
again from above: whatever is renamed or replaced meanwhile, what is changed is what was looked at.
"""

import errno
import os
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tools.confine import kernel
from tools.confine.notices import Notice

_NOT_PERMITTED = PermissionError(errno.EPERM, "not permitted")
_BENEATH, _NO_SYMLINKS, _NO_MAGICLINKS = 0x08, 0x04, 0x02
_NOFOLLOW, _EMPTY_PATH = 0x100, 0x1000
_SET_ID = 0o6000
_OWN_DESCRIPTOR = re.compile(rb"/proc/self/fd/(\d{1,9})")
_CWD = -100


class Broker:
    """Does what is asked in the folders at `roots`."""

    def __init__(self, roots: Iterable[str]) -> None:
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        self._roots = {os.fsencode(root): os.open(root, flags) for root in roots}

    def serve(self, notice: Notice) -> None:
        """Do it.

        Raises:
            OSError: what the caller is to be told.
        """
        act = ACTS.get(notice.name)
        if act is None:
            raise _NOT_PERMITTED
        act(self, notice)

    def chmod(self, asked: Notice, file: "_File", mode: int) -> None:
        if mode & _SET_ID:
            raise _NOT_PERMITTED
        with self._found(asked, file) as path:
            os.chmod(path, mode & 0o7777)  # noqa: PTH101

    def set_times(self, asked: Notice, file: "_File", times: bytes | None) -> None:
        with self._found(asked, file) as path:
            kernel.set_times(path, times)

    @contextmanager
    def _found(self, asked: Notice, file: "_File") -> Iterator[str]:
        """A path that leads to the held file, shown to be ours."""
        held = file.held(asked)
        try:
            # The caller may be gone, and its number another's.
            asked.require_valid()
            if not self._is_ours(held):
                raise _NOT_PERMITTED
            yield f"/proc/self/fd/{held}"
        finally:
            os.close(held)

    def _is_ours(self, held: int) -> bool:
        name = os.readlink(f"/proc/self/fd/{held}".encode())  # noqa: PTH115
        for root, folder in self._roots.items():
            if name == root or name.startswith(root + b"/"):
                return _is_at(held, folder, name[len(root) + 1 :] or b".")
        return False


def _is_at(held: int, folder: int, path: bytes) -> bool:
    try:
        found = kernel.open_resolved(folder, path, os.O_PATH | os.O_NOFOLLOW, _BENEATH | _NO_SYMLINKS | _NO_MAGICLINKS)
    except OSError:  # deleted or moved meanwhile, or what only looks like a path
        return False
    try:
        return os.path.sameopenfile(held, found)
    finally:
        os.close(found)


@dataclass(frozen=True)
class _File:
    """Which file the caller means: a descriptor of its own, or a path from one."""

    folder: int
    pointer: int | None
    follows: bool = True

    def held(self, asked: Notice) -> int:
        if self.pointer is None:
            return os.open(asked.folder(self.folder), os.O_PATH | os.O_CLOEXEC)
        path = asked.text(self.pointer)
        if (own := _OWN_DESCRIPTOR.fullmatch(path)) is not None:
            # How libraries change what they hold open without following links.
            return os.open(asked.folder(int(own[1])), os.O_PATH | os.O_CLOEXEC)
        flags = os.O_PATH | os.O_CLOEXEC | (0 if self.follows else os.O_NOFOLLOW)
        if path.startswith(b"/"):
            return os.open(path, flags)
        above = os.open(asked.folder(self.folder), os.O_PATH | os.O_CLOEXEC)
        try:
            return os.open(path, flags, dir_fd=above)
        finally:
            os.close(above)


def _chmod(broker: Broker, asked: Notice) -> None:
    path, mode, *_ = asked.arguments
    broker.chmod(asked, _File(_CWD, path), mode)


def _fchmod(broker: Broker, asked: Notice) -> None:
    descriptor, mode, *_ = asked.arguments
    broker.chmod(asked, _File(descriptor, None), mode)


def _fchmodat(broker: Broker, asked: Notice) -> None:
    folder, path, mode, *_ = asked.arguments
    broker.chmod(asked, _File(folder, path), mode)


def _utimensat(broker: Broker, asked: Notice) -> None:
    folder, path, times, flags, *_ = asked.arguments
    if flags & ~(_NOFOLLOW | _EMPTY_PATH):
        raise OSError(errno.EINVAL, "unknown flags")
    by_descriptor = path == 0 or (flags & _EMPTY_PATH and not asked.text(path))
    file = _File(folder, None if by_descriptor else path, follows=not flags & _NOFOLLOW)
    broker.set_times(asked, file, asked.data(times, 32) if times else None)


def _utime(broker: Broker, asked: Notice) -> None:
    path, times, *_ = asked.arguments
    made = None
    if times:
        accessed, modified = struct.unpack("qq", asked.data(times, 16))
        made = struct.pack("qqqq", accessed, 0, modified, 0)
    broker.set_times(asked, _File(_CWD, path), made)


def _utimes(broker: Broker, asked: Notice) -> None:
    path, times, *_ = asked.arguments
    broker.set_times(asked, _File(_CWD, path), _from_microseconds(asked, times))


def _futimesat(broker: Broker, asked: Notice) -> None:
    folder, path, times, *_ = asked.arguments
    broker.set_times(asked, _File(folder, path or None), _from_microseconds(asked, times))


def _from_microseconds(asked: Notice, times: int) -> bytes | None:
    if not times:
        return None
    accessed, accessed_us, modified, modified_us = struct.unpack("qqqq", asked.data(times, 32))
    if not (0 <= accessed_us < 10**6 and 0 <= modified_us < 10**6):
        raise OSError(errno.EINVAL, "no such time")
    return struct.pack("qqqq", accessed, accessed_us * 1000, modified, modified_us * 1000)


def _set_attribute(broker: Broker, asked: Notice) -> None:
    # As a file system that has none: programs that copy go on without, where EPERM would stop them.
    raise OSError(errno.EOPNOTSUPP, "no attributes")


_ATTRIBUTES = ("setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr")
ACTS: dict[str, Callable[[Broker, Notice], None]] = {
    "chmod": _chmod,
    "fchmod": _fchmod,
    "fchmodat": _fchmodat,
    "futimesat": _futimesat,
    "utime": _utime,
    "utimensat": _utimensat,
    "utimes": _utimes,
    **dict.fromkeys(_ATTRIBUTES, _set_attribute),
}
