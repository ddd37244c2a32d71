"""System calls that the kernel holds until we have answered: what is asked, and our answer.

The structures are those of linux/seccomp.h.  The caller waits meanwhile, but its other threads do not: its memory
and its descriptors may change while we look, so each is read once.
"""

import ctypes
import errno
import fcntl
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass

_RECEIVE, _ANSWER, _IS_VALID = 0xC0502100, 0xC0182101, 0x40082102
_NOTICE, _RESPONSE = struct.Struct("QIIiIQ6Q"), struct.Struct("QqiI")
_LONGEST_PATH, _PAGE = 4096, 4096


@dataclass(frozen=True)
class Notice:
    """One held call of thread `pid`."""

    listener: int
    id: int
    pid: int
    name: str
    arguments: tuple[int, ...]

    def require_valid(self) -> None:
        """See that the caller still waits.

        Raises:
            OSError: ENOENT; it does not, and its pid may be another's.
        """
        fcntl.ioctl(self.listener, _IS_VALID, struct.pack("Q", self.id))

    def folder(self, descriptor: int) -> str:
        """A path that leads to what the caller has open, or to where it is."""
        number = ctypes.c_int32(descriptor & 0xFFFFFFFF).value
        if number == -100:
            return f"/proc/{self.pid}/cwd"
        if number < 0:
            raise OSError(errno.EBADF, "no descriptor")
        return f"/proc/{self.pid}/fd/{number}"

    def text(self, address: int) -> bytes:
        """The path at the address in the caller's memory."""
        found = b""
        # Page by page: what comes after the end may not be there.
        while b"\0" not in found and len(found) < _LONGEST_PATH:
            here = address + len(found)
            found += self.data(here, _PAGE - here % _PAGE, least=1)
        path, end, _ = found.partition(b"\0")
        if not end or len(path) >= _LONGEST_PATH:
            raise OSError(errno.ENAMETOOLONG, "path too long")
        return path

    def data(self, address: int, size: int, least: int | None = None) -> bytes:
        """Bytes of the caller's memory."""
        try:
            memory = os.open(f"/proc/{self.pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
            try:
                found = os.pread(memory, size, address)
            finally:
                os.close(memory)
        except (OSError, OverflowError) as error:
            raise OSError(errno.EFAULT, "bad address") from error
        if len(found) < (size if least is None else least):
            raise OSError(errno.EFAULT, "bad address")
        self.require_valid()
        return found


@dataclass(frozen=True)
class Held:
    """The calls that the filter's `listener` hands over; `names` are those of their numbers."""

    listener: int
    names: Mapping[int, str]

    def next(self) -> Notice | None:
        """The next one; None if its caller has gone."""
        buffer = bytearray(_NOTICE.size)
        try:
            fcntl.ioctl(self.listener, _RECEIVE, buffer)
        except FileNotFoundError:
            return None
        identity, pid, _, number, _, _, *arguments = _NOTICE.unpack(buffer)
        return Notice(self.listener, identity, pid, self.names.get(number, ""), tuple(arguments))


def answer(notice: Notice, error: int) -> None:
    """Let the caller go on: done (0), or an errno."""
    try:
        fcntl.ioctl(notice.listener, _ANSWER, _RESPONSE.pack(notice.id, 0, -error, 0))
    except FileNotFoundError:
        # Its caller has been killed.
        return
