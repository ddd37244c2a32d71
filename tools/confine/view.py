"""Root's own view of the host's files: empty folders, and only what a call needs bound into them.

Landlock hides what files hold, but not that they are there; and folders above the needed ones may be closed to
whom root becomes, as /root is.  Both are gone where root may have mounts of its own.  It may not in most
containers.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from tools.confine import kernel

_BIND, _REMOUNT, _REC, _PRIVATE = 0x1000, 0x20, 0x4000, 0x40000
_READ_ONLY, _NOSUID, _NODEV, _NOEXEC, _NOATIME, _NODIRATIME = 0x1, 0x2, 0x4, 0x8, 0x400, 0x800
_KEPT = {"bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "sys", "usr"}
"""Folders of / that a program needs; Landlock says what of them."""


def make(needed: Mapping[str, bool], sized: Mapping[str, int]) -> bool:
    """Cover the host's folders and bind the needed ones, each with whether it may be written.

    `sized` are folders that everybody may write to, and the most bytes of each.  False where it is not permitted.
    """
    try:
        kernel.have_own_mounts()
        kernel.mount(None, "/", None, _REC | _PRIVATE)
    except PermissionError:
        return False
    # Whom we become passes through the folders that are made here, whatever mask the worker was started with.
    os.umask(0o022)
    # Held by descriptor: their paths are about to be covered.
    held = {path: os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC) for path in needed}
    covers = _covers(sized)
    for path in covers:
        options = f"mode=1777,size={sized[path]}" if path in sized else "mode=0755,size=64k"
        kernel.mount("tmpfs", path, "tmpfs", _NOSUID | _NODEV, options)
    for path, descriptor in held.items():
        if any(Path(path).is_relative_to(cover) for cover in covers):
            _bind(descriptor, path, is_writable=needed[path])
        os.close(descriptor)
    return True


def _covers(sized: Mapping[str, int]) -> list[str]:
    top = (path for path in Path("/").iterdir() if path.name not in _KEPT)
    folders = [str(path) for path in top if path.is_dir() and not path.is_symlink()]
    return sorted({*folders, *(path for path in sized if Path(path).is_dir())})


def _bind(descriptor: int, path: str, *, is_writable: bool) -> None:
    Path(path).mkdir(parents=True, exist_ok=True)
    kernel.mount(f"/proc/self/fd/{descriptor}", path, None, _BIND)
    if not is_writable:
        # In a container some flags are locked: left out, they would be taken for a wish to lift them.
        as_it_is = os.statvfs(path).f_flag & (_NOEXEC | _NOATIME | _NODIRATIME)
        kernel.mount(None, path, None, _REMOUNT | _BIND | _READ_ONLY | _NOSUID | _NODEV | as_it_is)
