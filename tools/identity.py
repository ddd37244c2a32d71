"""Which user of the host the sandboxed work belongs to.

Root never works in a sandbox itself: a file with the setuid bit that it left in a workspace would be root's.
So as root each workspace belongs to an unprivileged uid of `UIDS`, the sandbox drops to whichever uid owns
the workspace it is given, and each running task has one that no other has (`lent`; how: uids.py).  An ordinary
user has one uid to give: the own one.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tools import files_at, uids

UIDS = range(60600, 61112)
"""No distribution hands these out, and they exist where a container maps only 65,536 uids."""

LOCKS = Path("/run/opscore/uids")
"""Host-wide, gone with the next boot, and only root's."""


@cache
def drops_uid() -> bool:
    """Whether this process is root and has the uids above to drop to."""
    return os.geteuid() == 0 and all(_is_mapped(uid) for uid in (UIDS[0], UIDS[-1]))


def _is_mapped(uid: int) -> bool:
    lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    ranges = [tuple(int(number) for number in line.split()) for line in lines]
    return any(first <= uid < first + count for first, _, count in ranges)


def for_new_workspace() -> int | None:
    """The uid of a new workspace that no running task is for (a probe's); None where it simply stays ours."""
    return UIDS[0] if drops_uid() else None


@contextmanager
def lent() -> Iterator[int | None]:
    """A uid that no other running task of this host has, for as long as the block lasts; None as an ordinary user.

    Raises:
        SandboxUnavailable: all are lent; transient.
        Misconfigured: /run cannot be written.
    """
    if not drops_uid():
        yield None
        return
    with uids.one_of(UIDS[1:], LOCKS) as uid:
        yield uid


def owner_of(folder: Path) -> int | None:
    """The sandbox uid that the folder belongs to; None if it belongs to no such uid, or we are not root."""
    uid = folder.stat(follow_symlinks=False).st_uid
    return uid if drops_uid() and uid in UIDS else None


def hand_over(folder: Path) -> None:
    """As root, give the folder and what is in it to a sandbox uid; files with several links stay as they are.

    A second link may be a name that somebody else trusts.  For anybody but root there is nothing to do.
    """
    uid = for_new_workspace()
    if uid is None or owner_of(folder) is not None:
        return
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for found in files_at.walk(root):
            if stat.S_ISDIR(found.stat.st_mode) or found.stat.st_nlink == 1:
                files_at.give(found.folder, found.name, uid)
        os.fchown(root, uid, uid)
    finally:
        os.close(root)
