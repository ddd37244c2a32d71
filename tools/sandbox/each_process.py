"""What the kernel keeps each process of a call to, on every tier; what it keeps all of them to together: cgroup.py.

Set by tier 1 and 2 in bubblewrap.py, by tier 3 in tools/confine/first.py.
"""

import math
import resource
from collections.abc import Mapping

from tools.contract import Limits

_DESCRIPTORS = 1024
"""What programs expect, and no more: a user may have about as many descriptors on their way from process to process
as one process may have open, and what those hold is nobody's memory."""


def limits_of_each(limits: Limits, more: Mapping[str, int] | None = None) -> dict[str, tuple[int, int]]:
    """Soft and hard limit by the names of `resource` in small letters, none higher than ours; `more` come on top."""
    cpu_s = math.ceil(limits.cpu_s)
    wanted = {
        # Address space is reserved far beyond need by some runtimes; what may be written to is what counts.
        "as": 8 * limits.memory_bytes,
        "data": limits.memory_bytes,
        "fsize": limits.file_bytes,
        "cpu": cpu_s + 1,
        "nofile": _DESCRIPTORS,
        "core": 0,
        "memlock": 0,
        # Message queues are memory that no other limit counts.
        "msgqueue": 0,
    }
    hard = {name: _no_more_than_ours(name, most) for name, most in (wanted | dict(more or {})).items()}
    # At the soft one it is told, which says why it ended.
    return {name: (min(cpu_s, most) if name == "cpu" else most, most) for name, most in hard.items()}


def by_number(each: Mapping[str, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """The same by the kernel's numbers."""
    return {_number(name): pair for name, pair in each.items()}


def _no_more_than_ours(name: str, most: int) -> int:
    # Nobody unprivileged may raise a hard limit, so asking for more than ours would fail.
    _, ours = resource.getrlimit(_number(name))
    return most if ours == resource.RLIM_INFINITY else min(most, ours)


def _number(name: str) -> int:
    return int(getattr(resource, f"RLIMIT_{name.upper()}"))
