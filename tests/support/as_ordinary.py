"""Run a command as an ordinary user, though we are root: `python -I -S as_ordinary.py UID NEEDED… -- COMMAND…`.

Folders that are NEEDED may lie below ones that are closed to that user, such as /root: in a mount namespace of
this process alone each closed folder is covered, and shows nothing but the way to what is needed.
"""

import ctypes
import os
import sys
from pathlib import Path

_NEWNS, _BIND, _REC, _PRIVATE = 0x00020000, 0x1000, 0x4000, 0x40000
_libc = ctypes.CDLL(None, use_errno=True)


def main(uid: int, needed: list[Path], command: list[str]) -> None:
    """Become that user and run the command in our place."""
    _check(_libc.unshare(_NEWNS))
    _mount(None, Path("/"), None, _REC | _PRIVATE)
    held = {path: os.open(path, os.O_PATH) for path in needed}
    for closed in sorted({found for path in needed if (found := _closed_above(path))}):
        _mount("tmpfs", closed, "tmpfs", 0, "mode=0755")
        for path in (path for path in needed if path.is_relative_to(closed)):
            path.mkdir(parents=True, exist_ok=True)
            _mount(f"/proc/self/fd/{held[path]}", path, None, _BIND)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.execv(command[0], command)


def _closed_above(path: Path) -> Path | None:
    """The topmost folder above the path that others may not pass through."""
    return next((above for above in reversed(path.parents) if not above.stat().st_mode & 0o001), None)


def _mount(source: str | None, target: Path, kind: str | None, flags: int, options: str = "") -> None:
    texts = [text.encode() if text else None for text in (source, str(target), kind)]
    _check(_libc.mount(*texts, ctypes.c_ulong(flags), options.encode()))


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    split = sys.argv.index("--")
    main(int(sys.argv[1]), [Path(path) for path in sys.argv[2:split]], sys.argv[split + 1 :])
