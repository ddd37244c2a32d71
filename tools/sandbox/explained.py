"""Name the limit that broke a command from inside, as far as its end tells: it met an error and gave up by itself.

Limits that are kept from outside name themselves: watch.py.
"""

import math
import signal

from tools.contract import Captured
from tools.sandbox.watch import Watch

_OURS = 4
"""Processes that the kernel counts with the command's: our waiting shell, and what set it up."""

_NO_MEMORY = (b"MemoryError", b"Cannot allocate memory", b"bad_alloc", b"out of memory", b"Out of memory")
_NO_SPACE = (b"No space left on device",)
_NO_ROOM_IN_FILE = (b"File too large",)
_NO_QUOTA = (b"Disk quota exceeded",)
_NO_PROCESS = (b"can't start new thread", b"Cannot fork", b"fork: Resource", b"fork: retry")
_SAID_BYTES = 4096


def explain(exit_code: int | None, stderr: Captured, cpu_s: float, watch: Watch) -> str | None:
    """The name of the field of `Limits`; None where nothing tells of one.

    `cpu_s` is what all processes took by the end.
    """
    if watch.seen.hit == "memory_bytes":
        # The kernel ended a process, whatever became of the others.
        return "memory_bytes"
    if exit_code in (None, 0):
        return None
    limits, said = watch.limits, _last_line(stderr)
    is_killed = exit_code == 128 + signal.SIGKILL
    was_hit = {
        "cpu_s": exit_code == 128 + signal.SIGXCPU or (is_killed and cpu_s >= math.floor(limits.cpu_s)),
        "file_bytes": exit_code == 128 + signal.SIGXFSZ or _has(said, _NO_ROOM_IN_FILE),
        "memory_bytes": _has(said, _NO_MEMORY) or (_has(said, _NO_SPACE) and watch.is_full_in_memory),
        "workspace_bytes": _has(said, _NO_QUOTA),
        "processes": watch.seen.hit == "processes"
        or watch.threads_peak >= limits.processes - _OURS
        or _has(said, _NO_PROCESS),
    }
    return next((name for name, is_hit in was_hit.items() if is_hit), None)


def _last_line(stderr: Captured) -> bytes:
    return (stderr.tail or stderr.head)[-_SAID_BYTES:].rstrip().rpartition(b"\n")[2]


def _has(said: bytes, any_of: tuple[bytes, ...]) -> bool:
    return any(each in said for each in any_of)
