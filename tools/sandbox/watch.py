"""Watch a running call from outside: time, memory, CPU and disk of the whole tree.

Limits that the kernel keeps for each process are set inside (bubblewrap.py); a tree of many small processes
is seen only from here.
"""

import os
import signal
import time

from tools import files_at
from tools.contract import Captured, Limits
from tools.sandbox import tree
from tools.sandbox.contract import Call

LOOK_EVERY_S = 0.15
DISK_EVERY_S = 1.0
_FIRST_LOOK_S = 0.02


class Watch:
    """What one call has used so far; `over()` names the limit that it went over."""

    def __init__(self, call: Call, first: int) -> None:
        self._limits: Limits = call.limits
        self._workspace = call.workspace
        self._first = first
        self._started = time.monotonic()
        self._next_look = self._started + _FIRST_LOOK_S
        self._next_disk = self._started + DISK_EVERY_S
        self.last = tree.Usage()
        self.memory_peak_bytes = 0
        self.processes_peak = 0
        self.threads_peak = 0

    @property
    def wall_s(self) -> float:
        return time.monotonic() - self._started

    def over(self) -> str | None:
        """The name of the limit that the call is over; looks no more often than the constants above say."""
        now = time.monotonic()
        if now - self._started >= self._limits.wall_s:
            return "wall_s"
        if now >= self._next_look:
            self.look()
            self._next_look = time.monotonic() + LOOK_EVERY_S
            if self.last.memory_bytes > self._limits.memory_bytes:
                return "memory_bytes"
            if self.last.cpu_s > self._limits.cpu_s:
                return "cpu_s"
        if now >= self._next_disk:
            return self._over_disk()
        return None

    def explain(self, exit_code: int | None, stderr: Captured) -> str | None:
        """The limit that made a command fail from inside, as far as its end tells."""
        if exit_code == 0:
            return None
        last_line = (stderr.tail or stderr.head).rstrip().rpartition(b"\n")[2]
        if exit_code == 128 + signal.SIGXCPU or self.last.cpu_s >= self._limits.cpu_s:
            return "cpu_s"
        if exit_code == 128 + signal.SIGXFSZ or b"File too large" in last_line:
            return "file_bytes"
        if last_line.startswith(b"MemoryError") or b"Cannot allocate memory" in last_line:
            return "memory_bytes"
        # The kernel counts our waiting shell and what set it up as well.
        return "processes" if self.threads_peak >= self._limits.processes - 4 else None

    def look(self) -> None:
        """Measure the tree now."""
        self.last = tree.measure(self._first, self._limits.memory_bytes)
        self.memory_peak_bytes = max(self.memory_peak_bytes, self.last.memory_bytes)
        self.processes_peak = max(self.processes_peak, self.last.processes)
        self.threads_peak = max(self.threads_peak, self.last.threads)

    def _over_disk(self) -> str | None:
        started = time.monotonic()
        root = files_at.open_root(self._workspace)
        try:
            used = files_at.disk_usage(root, self._limits.workspace_bytes)
        finally:
            os.close(root)
        # A huge workspace takes long to walk: never more than a twentieth of the time.
        now = time.monotonic()
        self._next_disk = now + max(DISK_EVERY_S, 20 * (now - started))
        return "workspace_bytes" if used > self._limits.workspace_bytes else None
