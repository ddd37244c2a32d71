"""As root, run a command in mount, host name, IPC and network namespaces of its own: `apart.py COMMAND…`.

So attacks that need root can be shown to get through without a sandbox, and leave no trace.
"""

import ctypes
import os
import sys

_NEWNS, _NEWUTS, _NEWIPC, _NEWNET = 0x00020000, 0x04000000, 0x08000000, 0x40000000
_REC, _PRIVATE = 0x4000, 0x40000


def main(command: list[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for result in (
        libc.unshare(_NEWNS | _NEWUTS | _NEWIPC | _NEWNET),
        libc.mount(None, b"/", None, ctypes.c_ulong(_REC | _PRIVATE), None),
    ):
        if result != 0:
            sys.exit(f"apart: {os.strerror(ctypes.get_errno())}")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
