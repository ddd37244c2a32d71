"""Run a program that does not outlive the process that started it.

    python -IS tether.py PID-OF-THE-STARTER[:UID:GID] COMMAND [ARGUMENT…]

Standard library only, and a file of its own: the supervisor runs it in front of each child, where code of
ours between fork and exec would not be safe (the supervisor has threads).
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent`, which must be its parent, dies.

    Linux only; elsewhere the next start finds what was left (see leftovers.py).
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have died before the call above; nobody would tell us any more.
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def become(uid: int, gid: int) -> None:
    """Be that user from here on.  Before the bond, which a change of user undoes."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


if __name__ == "__main__":
    starter, *owner = map(int, sys.argv[1].split(":"))
    if owner:
        become(*owner)
    end_with_parent(starter)
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606
