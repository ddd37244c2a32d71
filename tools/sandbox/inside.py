"""Look at a sandbox from inside: read from stdin by a Python in it, prints what it found as one JSON line.

    python -I -S - FOLDERS-OF-/home-THAT-MAY-BE-SEEN… < inside.py

Nothing here is imported by us: choice.py hands the text in and judges the answer.
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


def facts(may_be_seen: list[str]) -> dict[str, object]:
    """What is so, by trying it."""
    return {
        "uid": os.getuid(),
        "capabilities": _capabilities(),
        "no_new_privileges": bool(_libc.prctl(_GET_NO_NEW_PRIVS, 0, 0, 0, 0)),
        "seccomp": _libc.prctl(_GET_SECCOMP, 0, 0, 0, 0),
        "home_hidden": _shown("/home") <= {Path(folder).parts[2] for folder in may_be_seen},
        "usr_read_only": not _can_write("/usr/.opscore"),
        "root_read_only": not _can_write("/.opscore") and not _can_write("/dev/.opscore"),
        "workspace_writable": _can_write("/workspace/.opscore"),
        "network": _interfaces() or _reaches_out(),
        "own_proc": Path("/proc/self/status").exists(),
        "namespaces_refused": _libc.unshare(_NEWUSER) != 0,
    }


def _capabilities() -> int:
    """How many capabilities this process has or could get."""
    header, data = _Header(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if _libc.capget(ctypes.byref(header), data) != 0:
        return _CAPABILITIES
    bounding = sum(1 for number in range(_CAPABILITIES) if _libc.prctl(_CAPBSET_READ, number, 0, 0, 0) == 1)
    return bounding + sum(value.bit_count() for value in data)


def _shown(folder: str) -> set[str]:
    try:
        return {path.name for path in Path(folder).iterdir()}
    except FileNotFoundError:
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


def _reaches_out() -> list[str]:
    # TEST-NET-1: nobody is there, but a host with any route would try.  Without sockets this fails as well.
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))
    except OSError:
        return []
    return ["a route"]


if __name__ == "__main__":
    print(json.dumps(facts(sys.argv[1:])))  # noqa: T201
