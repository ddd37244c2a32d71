"""What the processes of one call use together, as psutil sees it from outside.

A process that forks away stays below the sandbox's first process, so the tree is complete.
"""

from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Usage:
    """A look at the tree: resident memory, CPU time so far (of those that ended too), what is alive."""

    memory_bytes: int = 0
    cpu_s: float = 0.0
    processes: int = 0
    threads: int = 0


def measure(first: int, memory_limit: int) -> Usage:
    """The tree below the sandbox's first process, which itself is only a shell that waits.

    Shared pages count once per process; only when that sum is over `memory_limit` are they told apart, since
    it takes the kernel long.  All zero when the tree is gone.
    """
    try:
        shell = psutil.Process(first)
        below = shell.children(recursive=True)
        ended_cpu_s = sum(shell.cpu_times()[:4])
    except psutil.NoSuchProcess:
        return Usage()
    usages = [_one(process) for process in below]
    memory = sum(usage.memory_bytes for usage in usages)
    if memory > memory_limit:
        memory = sum(_proportional(process) for process in below)
    return Usage(
        memory_bytes=memory,
        cpu_s=ended_cpu_s + sum(usage.cpu_s for usage in usages),
        processes=sum(usage.processes for usage in usages),
        threads=sum(usage.threads for usage in usages),
    )


def _one(process: psutil.Process) -> Usage:
    try:
        with process.oneshot():
            cpu_s = sum(process.cpu_times()[:4])
            if process.status() == psutil.STATUS_ZOMBIE:
                return Usage(cpu_s=cpu_s)
            return Usage(process.memory_info().rss, cpu_s, 1, process.num_threads())
    except psutil.NoSuchProcess:
        return Usage()


def _proportional(process: psutil.Process) -> int:
    """Its memory, with each shared page divided among those that share it."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.NoSuchProcess:
        return 0
    except psutil.AccessDenied:
        return _one(process).memory_bytes
