"""Look at a sandbox from inside: read from stdin by a Python in it, prints what it found as one JSON line.

    python -I -S - NEIGHBOUR WORKER FOLDERS-OF-/home-THAT-MAY-BE-SEEN… < inside.py

NEIGHBOUR is a file of the host that belongs to whom we run as, WORKER the pid of who started us, or 0 where pids
are the sandbox's own; the workspace is where we are.  Nothing here is imported by us: choice.py hands the text in
and judges the answer.
"""

import ctypes
import json
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_CAPABILITIES = 41
_CAPBSET_READ, _GET_NO_NEW_PRIVS, _GET_SECCOMP = 23, 39, 21
_NEWUSER = 0x10000000


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


def facts(neighbour: str, worker: int, may_be_seen: list[str]) -> dict[str, object]:
    """What is so, by trying it."""
    return {
        "uid": os.getuid(),
        "capabilities": _capabilities(),
        "bounding_capabilities": _bounding(),
        "no_new_privileges": bool(_libc.prctl(_GET_NO_NEW_PRIVS, 0, 0, 0, 0)),
        "seccomp": _libc.prctl(_GET_SECCOMP, 0, 0, 0, 0),
        "home_hidden": _shown("/home") <= {Path(folder).parts[2] for folder in may_be_seen},
        "usr_read_only": not _can_write("/usr/.opscore"),
        "root_read_only": not _can_write("/.opscore") and not _can_write("/dev/.opscore"),
        "workspace_writable": _can_write(".opscore"),
        "neighbour_hidden": not _can_open(neighbour),
        "neighbour_kept": not _can_change(neighbour),
        "worker_out_of_reach": not worker or not _can_signal(worker),
        "network": _interfaces() or _reaches_out(),
        "own_proc": _can_open("/proc/self/status"),
        "namespaces_refused": _libc.unshare(_NEWUSER) != 0,
    }


def _capabilities() -> int:
    """How many capabilities this process has or passes on."""
    header, data = _Header(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if _libc.capget(ctypes.byref(header), data) != 0:
        return _CAPABILITIES
    return sum(value.bit_count() for value in data)


def _bounding() -> int:
    """How many a program could still be given, if that were not forbidden already."""
    return sum(1 for number in range(_CAPABILITIES) if _libc.prctl(_CAPBSET_READ, number, 0, 0, 0) == 1)


def _shown(folder: str) -> set[str]:
    try:
        return {path.name for path in Path(folder).iterdir()}
    except OSError:
        return set()


def _can_write(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except OSError:
        return False
    Path(path).unlink()
    return True


def _interfaces() -> list[str]:
    # One by one: a list of them would be asked for through netlink, which the filter does not let through.
    found = []
    for number in range(1, 65):
        with suppress(OSError):
            found.append(socket.if_indextoname(number))
    return sorted(set(found) - {"lo"})


def _can_open(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError:
        return False
    return True


def _can_change(path: str) -> bool:
    """Whether its mode can be changed: a kind of writing that opens nothing."""
    try:
        Path(path).chmod(0o640)
    except OSError:
        return False
    return True


def _can_signal(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _reaches_out() -> list[str]:
    try:
        # TEST-NET-1: nobody is there, but a host with any route would try.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))
    except OSError:
        return []
    return ["a route"]


if __name__ == "__main__":
    print(json.dumps(facts(sys.argv[1], int(sys.argv[2]), sys.argv[3:])))  # noqa: T201
