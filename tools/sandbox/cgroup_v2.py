"""Control groups of version 2: one folder for all controllers.

See cgroup.py.  A group with processes of its own can pass no controller on to groups below it, and this process
is in one.  So a call's group lies below ours where ours is free to pass them on (it is not, unless somebody gave
us a group and put us into one below), else beside ours, where the group above passes them on already: that is
how a systemd unit lies in its slice.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from tools.contract import Limits
from tools.sandbox.cgroup import CONTROLLERS, OURS, Seen, figures, read
from tools.sandbox.cgroup_mounts import Mounts

_WEIGHT = 25
"""A quarter of what everything else has by default."""


class Version2:
    """Speaks to groups of version 2."""

    name: Literal["v2"] = "v2"

    def __init__(self, mounts: Mounts | None = None) -> None:
        self._mounts = mounts or Mounts.of_this_process()

    def parents(self) -> Iterator[Mapping[str, Path]]:
        """Ours, asked to pass the controllers on; then the one above, as it is."""
        own = self._mounts.own("")
        if own is None:
            return
        _pass_on(own)
        for folder in (own, own.parent):
            passed_on = read(folder / "cgroup.subtree_control").split()
            if os.access(folder, os.W_OK):
                yield {controller: folder for controller in CONTROLLERS if controller in passed_on}

    def limit(self, folders: Mapping[str, Path], limits: Limits) -> None:
        """Write the limits."""
        if memory := folders.get("memory"):
            _write(memory / "memory.max", limits.memory_bytes)
            with suppress(FileNotFoundError):  # a kernel without swap
                _write(memory / "memory.swap.max", 0)
        if pids := folders.get("pids"):
            _write(pids / "pids.max", limits.processes + OURS)
        if cpu := folders.get("cpu"):
            _write(cpu / "cpu.weight", _WEIGHT)

    def seen(self, folders: Mapping[str, Path]) -> Seen:
        """What was counted so far."""
        folder = next(iter(folders.values()))
        hit = None
        if figures(folder / "memory.events").get("oom_kill"):
            hit = "memory_bytes"
        elif figures(folder / "pids.events").get("max"):
            hit = "processes"
        cpu_us = figures(folder / "cpu.stat").get("usage_usec", 0)
        return Seen(hit, cpu_us / 1e6, _peak(folder))


def _pass_on(folder: Path) -> None:
    passed_on = read(folder / "cgroup.subtree_control").split()
    for controller in (each for each in CONTROLLERS if each not in passed_on):
        with suppress(OSError):  # it has processes, is not ours, or does not have the controller
            _write(folder / "cgroup.subtree_control", f"+{controller}")


def _peak(folder: Path) -> int:
    # Pages of files count too, and are no memory that anybody lacks.
    stat = figures(folder / "memory.stat")
    files = stat.get("inactive_file", 0) + stat.get("active_file", 0)
    return max(0, int(read(folder / "memory.peak") or 0) - files)


def _write(path: Path, value: int | str) -> None:
    # Opened without making it: where the kernel has no such file there is no such limit.
    with path.open("r+", encoding="ascii") as file:
        file.write(str(value))
