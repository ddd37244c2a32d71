"""A control group for each call, where this process may make one: the kernel then counts for the whole tree.

It bounds memory, swap with it, processes, and the share of the CPU beside the worker and the web.  Version 2 is in
cgroup_v2.py, version 1 in cgroup_v1.py; which of them there is, if any: cgroup_choice.py.  No process but a sandbox's
own is ever moved.  Where there is none, watch.py sums the tree.  Why: docs/decisions/0015-cgroups.md.
"""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tools.contract import Limits

CONTROLLERS = ("memory", "pids", "cpu")
OURS = 1
"""Processes of a sandbox's own in the group: the first one."""

_REMOVE_S = 2.0


@dataclass(frozen=True)
class Seen:
    """What the kernel counted for a group: `hit` is a field of `Limits`; None and 0 where it does not say."""

    hit: str | None = None
    cpu_s: float = 0.0
    memory_peak_bytes: int = 0


class Version(Protocol):
    """How a version of control groups is spoken to; a group is a folder for each controller, or one for all."""

    @property
    def name(self) -> Literal["v1", "v2"]: ...

    def parents(self) -> Iterator[Mapping[str, Path]]:
        """The folders, by controller, below which groups may be made; best first."""
        ...

    def limit(self, folders: Mapping[str, Path], limits: Limits) -> None:
        """Write the limits."""
        ...

    def seen(self, folders: Mapping[str, Path]) -> Seen:
        """What was counted so far."""
        ...


@dataclass(frozen=True)
class Groups:
    """Where this process may make groups, and what they bound."""

    version: Version
    parents: Mapping[str, Path]

    @property
    def bounds(self) -> list[str]:
        """What of CONTROLLERS is bounded."""
        return [controller for controller in CONTROLLERS if controller in self.parents]

    def make(self, name: str, limits: Limits) -> "Group":
        """A new group.

        Raises:
            OSError: it cannot be made.
        """
        group = self.named(name)
        try:
            group.make(limits)
        except BaseException:
            group.remove()
            raise
        return group

    def named(self, name: str) -> "Group":
        """The group of that name, which may not be there."""
        return Group(self.version, {controller: parent / name for controller, parent in self.parents.items()})

    def made(self) -> set[str]:
        """The names of all groups that are there, other programs' too."""
        return {path.name for parent in set(self.parents.values()) for path in parent.iterdir() if path.is_dir()}


class Group:
    """The group of one call."""

    def __init__(self, version: Version, folders: Mapping[str, Path]) -> None:
        self._version = version
        self._folders = folders
        self._each = list(dict.fromkeys(folders.values()))

    def make(self, limits: Limits) -> None:
        """Make it, and have it keep the limits."""
        for folder in self._each:
            folder.mkdir()
        self._version.limit(self._folders, limits)

    def add(self, pid: int) -> None:
        """Put a process in; those that it starts from now on are in as well."""
        for folder in self._each:
            (folder / "cgroup.procs").write_text(str(pid), encoding="ascii")

    def pids(self) -> list[int]:
        """All processes in it."""
        return [int(line) for line in read(self._each[0] / "cgroup.procs").split()]

    def seen(self) -> Seen:
        """What the kernel counted so far."""
        return self._version.seen(self._folders)

    def remove(self) -> None:
        """Kill what is in it and remove it; fine if it is gone.

        Raises:
            OSError: it cannot be removed.
        """
        until = time.monotonic() + _REMOVE_S
        while not all(_is_removed(folder, is_last=time.monotonic() > until) for folder in self._each):
            time.sleep(0.002)


def _is_removed(folder: Path, *, is_last: bool) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        if is_last:
            raise
        kill_all(folder)
        return False
    return True


def kill_all(folder: Path) -> None:
    """Kill every process of the group."""
    with suppress(OSError):  # before Linux 5.14, and in version 1, there is no such file
        (folder / "cgroup.kill").write_text("1", encoding="ascii")
    for line in read(folder / "cgroup.procs").split():
        with suppress(ProcessLookupError):
            os.kill(int(line), signal.SIGKILL)


def read(path: Path) -> str:
    """The text of one of the kernel's files; empty where there is none."""
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""


def figures(path: Path) -> dict[str, int]:
    """A file of lines of a name and a number."""
    words = [line.split() for line in read(path).splitlines()]
    return {name: int(number) for name, number, *_ in (pair for pair in words if len(pair) == 2)}
