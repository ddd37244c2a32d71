"""Watch a running call from outside: time, memory, CPU, processes and disk of the whole tree.

Limits that the kernel keeps for each process are set inside (bubblewrap.py), those that it keeps for the tree in a
control group where there is one (cgroup.py).  The rest is seen only from here.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.sandbox import tree
from tools.sandbox.cgroup import Group, Seen
from tools.sandbox.contract import Call
from tools.sandbox.disk import Disk

LOOK_EVERY_S = 0.15
_FIRST_LOOK_S = 0.02


@dataclass(frozen=True)
class Watched:
    """What is watched: the sandbox's two own processes, its group, its file systems in memory (paths inside), and
    a folder besides the workspace (path outside)."""

    root: tree.Root
    group: Group | None = None
    in_memory: Sequence[str] = ()
    on_disk: str | None = None


class Watch:
    """What one call has used so far; `over()` names the limit that it went over."""

    def __init__(self, call: Call, watched: Watched) -> None:
        self.limits = call.limits
        self._watched = watched
        folders = [call.workspace, *(Path(path) for path in (watched.on_disk,) if path)]
        self._disks = [Disk(folder, call.limits) for folder in folders]
        self._started = time.monotonic()
        self._next_look = self._started + _FIRST_LOOK_S
        self.last = tree.Usage()
        self.seen = Seen()
        self.memory_bytes = 0
        self.files_in_memory = 0
        self.is_full_in_memory = False
        """Whether one of the file systems in memory was full when it was looked at."""
        self._is_hiding = False
        self.memory_peak_bytes = 0
        self.processes_peak = 0
        self.threads_peak = 0

    @property
    def wall_s(self) -> float:
        return time.monotonic() - self._started

    def over(self) -> str | None:
        """The name of the limit that the call is over; looks no more often than the constants above say."""
        now = time.monotonic()
        if now - self._started >= self.limits.wall_s:
            return "wall_s"
        if now >= self._next_look:
            self.look()
            self._next_look = time.monotonic() + LOOK_EVERY_S
            if (over := self._over_now()) is not None:
                return over
        on_disk = (disk.over(self.last.written_bytes) for disk in self._disks)
        return next((name for name in on_disk if name), None)

    def look(self) -> None:
        """Measure the tree now."""
        limit, group = self.limits.memory_bytes, self._watched.group
        self.seen = group.seen() if group else self.seen
        in_memory = self._look_at_file_systems()
        before = self.last.hidden
        self.last = tree.measure(self._watched.root, limit - in_memory, group.pids() if group else None)
        # A program that hides itself from its own user: nothing else would count what it writes.
        self._is_hiding = bool(before & self.last.hidden)
        # What of it is mapped was counted with the processes already.
        self.memory_bytes = self.last.memory_bytes + max(0, in_memory - self.last.shared_bytes)
        self.memory_peak_bytes = max(self.memory_peak_bytes, self.memory_bytes)
        self.processes_peak = max(self.processes_peak, self.last.processes)
        self.threads_peak = max(self.threads_peak, self.last.threads)

    def at_the_end(self) -> int:
        """Look while the first process waits to leave; returns how many processes the command left behind."""
        if tree.has_survivors(self._watched.root):
            self.look()
            return self.last.processes
        self._look_at_file_systems()
        return 0

    def _over_now(self) -> str | None:
        over = {
            "memory_bytes": self.seen.hit == "memory_bytes" or self.memory_bytes > self.limits.memory_bytes,
            "cpu_s": max(self.last.cpu_s, self.seen.cpu_s) > self.limits.cpu_s,
            "processes": self.last.threads > self.limits.processes,
            "written_bytes": self.last.written_bytes > self.limits.written_bytes or self._is_hiding,
            "workspace_files": self.files_in_memory > self.limits.workspace_files,
        }
        return next((name for name, is_over in over.items() if is_over), None)

    def _look_at_file_systems(self) -> int:
        """Look at those in memory; returns the bytes in them."""
        found = [found for path in self._watched.in_memory if (found := self._file_system(path)) is not None]
        self.files_in_memory = sum(each.f_files - each.f_ffree for each in found)
        self.is_full_in_memory |= any(each.f_bavail * 50 < each.f_blocks for each in found)
        return sum((each.f_blocks - each.f_bfree) * each.f_frsize for each in found)

    def _file_system(self, path: str) -> os.statvfs_result | None:
        try:
            return os.statvfs(f"/proc/{self._watched.root.first}/root{path}")
        except OSError:
            # The sandbox is gone, or this tier does not let us look.
            return None
