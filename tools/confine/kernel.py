"""Calls of the kernel that Python has no functions for; each raises OSError as those of `os` do."""

import ctypes
import os
from contextlib import suppress

_libc = ctypes.CDLL(None, use_errno=True)
# The same on every machine that the system call filter knows, but for the last.
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
_CLOSE_RANGE, _OPENAT2 = 436, 437
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_UTIMENSAT = {"x86_64": 280, "aarch64": 88}

_SET_PDEATHSIG, _SET_DUMPABLE, _SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVS = 1, 4, 36, 38
_SET_MODE_FILTER, _NEW_LISTENER, _WAIT_KILLABLE = 1, 8, 32
_NEWNS = 0x00020000


class _How(ctypes.Structure):
    """struct open_how of linux/openat2.h."""

    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


class _Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def syscall(number: int, *arguments: object) -> int:
    """What the kernel answers."""
    return _checked(_libc.syscall(ctypes.c_long(number), *arguments))


def die_with_parent(signal: int) -> None:
    """Have the kernel send us the signal when the thread that forked us ends."""
    _prctl(_SET_PDEATHSIG, signal)


def be_out_of_memory_first() -> None:
    """Have the kernel end us and our children before anybody else when the host's memory is used up."""
    # Whoever has changed its uid may not write its own files in /proc until it says so.
    _prctl(_SET_DUMPABLE, 1)
    with suppress(PermissionError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write("1000")


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own; a program started in our place keeps that."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def give_up_privileges() -> None:
    """No program that we or our children start gains any right by its file."""
    _prctl(_SET_NO_NEW_PRIVS, 1)


def filter_calls(program: bytes) -> int:
    """Put this thread and its children under the filter; returns its listener."""
    made = _Program(len(program) // 8, program)
    flags = _NEW_LISTENER | _WAIT_KILLABLE
    return syscall(_SECCOMP[os.uname().machine], _SET_MODE_FILTER, flags, ctypes.byref(made))


def close_from(lowest: int) -> None:
    """Close every descriptor from this number on."""
    syscall(_CLOSE_RANGE, ctypes.c_uint(lowest), ctypes.c_uint(0xFFFFFFFF), 0)


def have_own_mounts() -> None:
    """Leave the mount namespace for a copy of it."""
    _checked(_libc.unshare(_NEWNS))


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """mount(2)."""
    texts = [os.fsencode(text) if text is not None else None for text in (source, target, kind)]
    _checked(_libc.mount(*texts, ctypes.c_ulong(flags), options.encode()))


def open_resolved(folder: int, path: bytes, flags: int, resolve: int) -> int:
    """openat2(2)."""
    how = _How(flags | os.O_CLOEXEC, 0, resolve)
    return syscall(_OPENAT2, folder, path, ctypes.byref(how), ctypes.sizeof(how))


def set_times(path: str, times: bytes | None) -> None:
    """utimensat(2) as the kernel takes it: two `struct timespec`, or None for now."""
    syscall(_UTIMENSAT[os.uname().machine], -100, os.fsencode(path), times, 0)


def _prctl(option: int, value: int) -> None:
    _checked(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
