"""Find what sandboxes left whose worker is gone, and end it.

When a worker is killed the kernel ends its sandboxes (running.py), and three things may stay.  One is a process of
bubblewrap's own: its outer process may be ended while the inner one still waits to be told its uids, and that wait has
no end; nothing of a task runs there.  The others are an empty control group and, on tier 3, a folder (scratch.py).
All of them carry the name of their worker.
Every worker looks once for those whose worker is gone, before its first call; and a worker's keeper looks as soon
as it is killed (keeper.py).
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

from tools.sandbox.cgroup_choice import end_groups_of_gone_workers
from tools.sandbox.scratch import remove_of_gone_workers
from tools.sandbox.worker_name import is_gone

_NAMES = ("bwrap", "sh")
"""What the outer and the first process of a sandbox are called."""

_ROUNDS = 20


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
    end_groups_of_gone_workers()
    remove_of_gone_workers()
    return len(ended)


def _is_left_over(process: psutil.Process) -> bool:
    if process.info["name"] not in _NAMES or not (os.geteuid() == 0 or _is_ours(process)):
        return False
    return (name := _name_in(process.info["cmdline"] or [])) is not None and is_gone(name)


def _name_in(words: Sequence[str]) -> str | None:
    """The worker's name where the first process has it, behind its program; a task's own words may say anything."""
    places = (at for at in range(3, len(words)) if words[at - 3] == "-c" and words[at - 1] == "sh")
    return next((words[at] for at in places), None)


def _is_ours(process: psutil.Process) -> bool:
    try:
        return process.uids().real == os.getuid()
    except psutil.NoSuchProcess:
        return False
