"""Control groups of version 1: a folder for each controller, each below where this process is.

See cgroup.py.  Version 1 cannot end a group by itself, and says nothing about what was written to disk.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from tools.contract import Limits
from tools.sandbox.cgroup import CONTROLLERS, OURS, Seen, figures, read
from tools.sandbox.cgroup_mounts import Mounts

_CPU_TIME = "cpuacct"

_SHARES = 256
"""A quarter of what everything else has by default."""


class Version1:
    """Speaks to groups of version 1."""

    name: Literal["v1"] = "v1"

    def __init__(self, mounts: Mounts | None = None) -> None:
        self._mounts = mounts or Mounts.of_this_process()

    def parents(self) -> Iterator[Mapping[str, Path]]:
        """The one folder of each controller that may be written to."""
        folders = {controller: self._mounts.own(controller) for controller in (*CONTROLLERS, _CPU_TIME)}
        yield {name: folder for name, folder in folders.items() if folder is not None and os.access(folder, os.W_OK)}

    def limit(self, folders: Mapping[str, Path], limits: Limits) -> None:
        """Write the limits."""
        if memory := folders.get("memory"):
            _write(memory / "memory.limit_in_bytes", limits.memory_bytes)
            with suppress(FileNotFoundError):  # a kernel that does not count swap
                _write(memory / "memory.memsw.limit_in_bytes", limits.memory_bytes)
        if pids := folders.get("pids"):
            _write(pids / "pids.max", limits.processes + OURS)
        if cpu := folders.get("cpu"):
            _write(cpu / "cpu.shares", _SHARES)

    def seen(self, folders: Mapping[str, Path]) -> Seen:
        """What was counted so far."""
        nowhere = Path("/nowhere")
        memory, pids, cpu_time = (folders.get(controller, nowhere) for controller in ("memory", "pids", _CPU_TIME))
        hit = None
        if figures(memory / "memory.oom_control").get("oom_kill"):
            hit = "memory_bytes"
        elif figures(pids / "pids.events").get("max"):
            hit = "processes"
        cpu_ns = int(read(cpu_time / "cpuacct.usage") or 0)
        return Seen(hit, cpu_ns / 1e9, _peak(memory))


def _peak(memory: Path) -> int:
    # Pages of files count too, and are no memory that anybody lacks.
    stat = figures(memory / "memory.stat")
    files = stat.get("total_inactive_file", 0) + stat.get("total_active_file", 0)
    return max(0, int(read(memory / "memory.max_usage_in_bytes") or 0) - files)


def _write(path: Path, value: int) -> None:
    # Opened without making it: where the kernel has no such file there is no such limit.
    with path.open("r+", encoding="ascii") as file:
        file.write(str(value))
