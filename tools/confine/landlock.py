"""Landlock: which files a process reaches, no TCP, and nobody outside to signal.

A domain is entered for good and handed on to every child.  What it does not see to: the existence and metadata of
files (broker.py), sockets by path and UDP (the filter of system calls).  Rights and structures:
https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import os
from collections.abc import Iterable
from stat import S_ISDIR

from tools.confine import kernel

LEAST_ABI = 6
"""Linux 6.12: the first that keeps signals and abstract sockets in."""

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_SOCK, _MAKE_BLOCK, _REFER, _TRUNCATE, _IOCTL_DEV = 1 << 6, 1 << 9, 1 << 11, 1 << 13, 1 << 14, 1 << 15
_ALL_FILES = (1 << 16) - 1
_OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | _TRUNCATE | _IOCTL_DEV
_TCP = 0b11
_ABSTRACT_SOCKETS, _SIGNALS = 0b01, 0b10
_VERSION, _PATH_BENEATH = 1, 1

READ = EXECUTE | READ_FILE | READ_DIR
WRITE = _ALL_FILES & ~(_MAKE_CHAR | _MAKE_BLOCK | _MAKE_SOCK | _IOCTL_DEV)
"""All that a workspace is for; devices and sockets are not."""

Rule = tuple[str, int]
"""A path, and the rights on it and on all below."""


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def abi() -> int:
    """The kernel's version of Landlock.

    Raises:
        OSError: it has none, or it is switched off.
    """
    return kernel.syscall(kernel.LANDLOCK_CREATE_RULESET, None, 0, _VERSION)


def keep_signals_in() -> None:
    """From now on we reach with signals only ourselves and the children that we have after this."""
    # A ruleset that is silent on this one right denies it: nobody could move a file to another folder any more.
    _enter(_Ruleset(_REFER, 0, _SIGNALS), [("/", _REFER)])


def confine(rules: Iterable[Rule]) -> None:
    """Leave only what the rules name; a path that is not there is no rule."""
    _enter(_Ruleset(_ALL_FILES, _TCP, _ABSTRACT_SOCKETS | _SIGNALS), rules)


def _enter(ruleset: _Ruleset, rules: Iterable[Rule]) -> None:
    made = kernel.syscall(kernel.LANDLOCK_CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0)
    try:
        for path, rights in rules:
            _add(made, path, rights)
        kernel.syscall(kernel.LANDLOCK_RESTRICT_SELF, made, 0)
    finally:
        os.close(made)


def _add(ruleset: int, path: str, rights: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        allowed = rights if S_ISDIR(os.fstat(parent).st_mode) else rights & _OF_A_FILE
        rule = _PathBeneath(allowed, parent)
        kernel.syscall(kernel.LANDLOCK_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(parent)
