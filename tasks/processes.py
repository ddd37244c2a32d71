"""Find a process that was written down: a pid alone may be another one's by now."""

import psutil

# A start time is reckoned from the boot time, which a correction of the clock moves: no reason to give up a run.
SAME_START_WITHIN_S = 2.0


def find(pid: int, started_at: float) -> psutil.Process | None:
    """The process that had this pid and start (seconds since 1970, as psutil tells), or None; a zombie is dead."""
    try:
        process = psutil.Process(pid)
        is_same = abs(process.create_time() - started_at) < SAME_START_WITHIN_S
        return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def is_alive(pid: int, started_at: float) -> bool:
    """Whether that process is still there."""
    return find(pid, started_at) is not None
