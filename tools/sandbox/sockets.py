"""Memory that the kernel may hold for the sockets of a call, where no control group counts it.

What was sent and not yet read stays with the kernel: no process's memory, and no limit of a process, has it.  How
much it is cannot be asked from outside, so each socket counts as what it may hold.
"""

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

FREE = 256
"""As many sockets of a call are not counted: programs have some, and most are empty."""
_USUAL_BYTES = 212_992


def may_hold(pids: Iterable[int]) -> int:
    """Bytes in the buffers of the sockets that these processes have open, at most; a socket of several counts once."""
    found: set[str] = set()
    for pid in pids:
        found |= _of(pid)
    return max(0, len(found) - FREE) * _most_bytes()


def _of(pid: int) -> set[str]:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208  (a Path for each would cost more than the look)
    except OSError:
        return set()
    return {target for name in names if (target := _target(f"{folder}/{name}")).startswith("socket:")}


def _target(descriptor: str) -> str:
    try:
        return os.readlink(descriptor)  # noqa: PTH115
    except OSError:
        return ""  # closed meanwhile


@cache
def _most_bytes() -> int:
    """What one socket can be made to hold: the kernel doubles what is asked for."""
    try:
        return 2 * int(Path("/proc/sys/net/core/wmem_max").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 2 * _USUAL_BYTES
