"""The name that everything of a worker's sandboxes carries: it tells whether the worker still lives."""

import os
import re
from pathlib import Path

# No longer than the numbers can be: commands may have such words in them as well, and a path has to be made of it.
_NAME = re.compile(r"opscore-worker-([0-9]{1,10})-([0-9]{1,20})-([0-9]{1,20})")


def worker_name() -> str:
    """The name of this process, which no later one can have: its pid, when it started, and where its pid counts."""
    return f"opscore-worker-{os.getpid()}-{_started(os.getpid())}-{_namespace()}"


def is_gone(name: str) -> bool:
    """Whether it is the name of a worker that lives no more; of one in another pid namespace that cannot be told."""
    named = _NAME.fullmatch(name)
    # A container's processes are seen from its host, where their worker's pid is another one's or nobody's.
    return named is not None and named[3] == str(_namespace()) and _started(int(named[1])) != named[2]


def _started(pid: int) -> str | None:
    """When the process started, in the kernel's ticks since boot; None if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return None


def _namespace() -> int:
    """The number of our pid namespace."""
    return Path("/proc/self/ns/pid").stat().st_ino
