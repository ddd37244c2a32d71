"""Find sandboxes whose worker is gone, and end them.

When a worker is killed the kernel ends its sandboxes (running.py).  One window is left, in bubblewrap itself: its
outer process may be ended while the inner one still waits to be told its uids, and that wait has no end.  Nothing
of a task runs there, but a process stays.  So each sandbox carries the name of its worker, and every worker looks
once, before its first call, for those whose worker is gone.
"""

import os
import re
import time
from contextlib import suppress
from pathlib import Path

import psutil

_NAME = re.compile(r"opscore-worker-(\d+)-(\d+)")
_ROUNDS = 20


def worker_name() -> str:
    """The name of this process, which no later one can have: its pid and when it started."""
    return f"opscore-worker-{os.getpid()}-{_started(os.getpid())}"


def end_leftovers() -> int:
    """Kill the processes of sandboxes whose worker is gone, as far as they are ours; returns how many there were.

    Ending one process may leave its child behind: looks again until there is none.
    """
    ended: set[int] = set()
    for _ in range(_ROUNDS):
        found = [process for process in psutil.process_iter(["name", "cmdline"]) if _is_left_over(process)]
        if not found:
            break
        for process in found:
            ended.add(process.pid)
            with suppress(psutil.NoSuchProcess):  # another worker of the same host was first
                process.kill()
        time.sleep(0.01)
    return len(ended)


def _is_left_over(process: psutil.Process) -> bool:
    if process.info["name"] != "bwrap" or not (os.geteuid() == 0 or _is_ours(process)):
        return False
    named = next((match for word in process.info["cmdline"] or () if (match := _NAME.fullmatch(word))), None)
    return named is not None and _started(int(named[1])) != named[2]


def _is_ours(process: psutil.Process) -> bool:
    try:
        return process.uids().real == os.getuid()
    except psutil.NoSuchProcess:
        return False


def _started(pid: int) -> str | None:
    """When the process started, in the kernel's ticks since boot; None if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return None
