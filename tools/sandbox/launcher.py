"""As root, stop being root and then start bubblewrap: run as `python -I -S launcher.py`, never imported.

    launcher.py UID NAME=SOURCE… -- PROGRAM ARGUMENTS…

Each SOURCE may lie where UID cannot go (/root is closed to it): it is bound to /tmp/NAME, on a small file
system that only this process and its children see.  Then the uid is dropped for good and PROGRAM, which names
its sources as /tmp/NAME, takes our place.  Only the standard library without site-packages is here.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

_NEWNS = 0x00020000
_BIND, _REC, _PRIVATE, _NOSUID, _NODEV = 0x1000, 0x4000, 0x40000, 0x2, 0x4
_TMP = Path("/tmp")  # noqa: S108  (covered by a private file system before anything is put there)
_libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> None:
    """Do it; returns never.  A failure is one line on stderr and exit code 1."""
    uid, *rest = arguments
    split = rest.index("--")
    _bind_into_private_tmp([item.partition("=")[::2] for item in rest[:split]])
    _become(int(uid))
    os.execv(rest[split + 1], rest[split + 1 :])  # noqa: S606  (no shell is wanted)


def _bind_into_private_tmp(binds: list[tuple[str, str]]) -> None:
    _checked(_libc.unshare(_NEWNS), "have a mount namespace")
    _mount(None, "/", None, _REC | _PRIVATE)
    # The sources are held by descriptor: they may lie below /tmp, which is about to be covered.
    held = [(name, os.open(source, os.O_PATH | os.O_NOFOLLOW)) for name, source in binds]
    _mount("tmpfs", str(_TMP), "tmpfs", _NOSUID | _NODEV, "mode=0711,size=64k")
    for name, descriptor in held:
        (_TMP / name).mkdir()
        _mount(f"/proc/self/fd/{descriptor}", str(_TMP / name), None, _BIND)
        os.close(descriptor)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    texts = [text.encode() if text is not None else None for text in (source, target, kind)]
    _checked(_libc.mount(*texts, ctypes.c_ulong(flags), options.encode()), f"mount {target}")


def _become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.chdir("/")
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        # Python ignores these two, and what it is replaced by would too.
        signal.signal(number, signal.SIG_DFL)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot {what}: {os.strerror(number)}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(f"launcher: {error.strerror}")
