"""What the processes of one call use together, as seen from outside in /proc.

A process that forks away stays below the sandbox's outer process, so the tree is complete.  A look costs what the
tree is, not what the host is: all processes of the host are looked at only where the kernel lists no children.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from tools.sandbox import sockets

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_STATE, _OWN_CPU, _CHILDRENS_CPU, _THREADS, _SPACE, _RESIDENT = 0, slice(11, 13), slice(13, 15), 17, 20, 21
"""Where these stand in /proc/PID/stat behind the name; proc(5)."""


@dataclass(frozen=True)
class Root:
    """The processes of a sandbox that are ours: `outer` is our child, `first` waits for the command.

    On tier 3 there is a `guard` of the outer one as well.
    """

    outer: int
    first: int
    guard: int | None = None

    @property
    def ours(self) -> frozenset[int | None]:
        return frozenset({self.outer, self.first, self.guard})


@dataclass(frozen=True)
class Usage:
    """A look at the tree: resident memory, CPU time and bytes written so far (of those that ended too), what is alive.

    `shared_bytes` is the part of the memory that is no process's own.  `hidden` are the pids of those whose writes may
    not be looked at; one that is just ending may be among them for a moment.
    """

    memory_bytes: int = 0
    shared_bytes: int = 0
    cpu_s: float = 0.0
    written_bytes: int = 0
    processes: int = 0
    threads: int = 0
    hidden: frozenset[int] = frozenset()


def measure(root: Root, memory_limit: int, members: Iterable[int] | None = None) -> Usage:
    """The tree without the two that are ours; `members` are its pids where a control group knows them.

    Shared pages count once per process; only when that sum is over `memory_limit` are they told apart, since
    it takes the kernel long.  All zero when the tree is gone.
    """
    pids = [pid for pid in (below(root.outer) if members is None else members) if pid not in root.ours]
    # The command may have taken over the first process, which then is one of its own.
    usages, first, outer = [_one(pid) for pid in pids], _one(root.first), _ended(root.outer)
    memory, shared = first.memory_bytes + sum(usage.memory_bytes for usage in usages), 0
    in_sockets = sockets.may_hold((root.first, *pids)) if members is None else 0
    if memory + in_sockets > memory_limit:
        proportional = [_proportional(pid) for pid in (root.first, *pids)]
        memory, shared = (sum(part) for part in zip(*proportional, strict=True))
    return Usage(
        memory_bytes=memory + in_sockets,
        shared_bytes=shared,
        cpu_s=sum(usage.cpu_s for usage in (*usages, first, outer)),
        written_bytes=sum(usage.written_bytes for usage in (*usages, first, outer)),
        processes=sum(usage.processes for usage in usages),
        threads=sum(usage.threads for usage in usages) + max(0, first.threads - 1),
        hidden=first.hidden.union(*(usage.hidden for usage in usages)),
    )


def has_survivors(root: Root) -> bool:
    """Whether the command left anything behind, or it cannot be told cheaply."""
    if not _lists_children():
        return True
    return any(pid not in root.ours for pid in (*_children(root.outer), *_children(root.first)))


def below(pid: int) -> list[int]:
    """The pids of all processes below this one."""
    if not _lists_children():
        return _below_by_parents(pid)
    found = {pid: None}
    pending = [pid]
    while pending:
        new = [child for child in _children(pending.pop()) if child not in found]
        found |= dict.fromkeys(new)
        pending += new
    del found[pid]
    return list(found)


def _below_by_parents(pid: int) -> list[int]:
    try:
        return [process.pid for process in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@cache
def _lists_children() -> bool:
    return Path("/proc/thread-self/children").exists()


def _children(pid: int) -> Iterator[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208  (a Path for each would cost more than the look)
    except OSError:
        return
    for thread in threads:
        yield from map(int, _read(f"/proc/{pid}/task/{thread}/children").split())


def _one(pid: int) -> Usage:
    fields = _stat(pid)
    if not fields:
        return Usage()
    cpu_s = _seconds(fields[_OWN_CPU]) + _seconds(fields[_CHILDRENS_CPU])
    if fields[_STATE] in (b"Z", b"X"):
        return Usage(cpu_s=cpu_s)
    written = _written(pid)
    # Without any address space it is only ending, and nobody may look at that.
    is_hidden = written is None and int(fields[_SPACE]) > 0
    return Usage(
        memory_bytes=int(fields[_RESIDENT]) * _PAGE,
        cpu_s=cpu_s,
        written_bytes=written or 0,
        processes=1,
        threads=int(fields[_THREADS]),
        hidden=frozenset({pid} if is_hidden else ()),
    )


def _ended(pid: int) -> Usage:
    """What is left to one of ours by those that ended below it; what it takes itself is next to nothing."""
    fields = _stat(pid)
    return Usage(cpu_s=_seconds(fields[_CHILDRENS_CPU]), written_bytes=_written(pid) or 0) if fields else Usage()


def _stat(pid: int) -> list[bytes]:
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()


def _seconds(fields: list[bytes]) -> float:
    return sum(map(int, fields)) / _TICKS


def _written(pid: int) -> int | None:
    """Bytes that it and its ended children caused to be written to disk; None where it may not be looked at."""
    try:
        descriptor = os.open(f"/proc/{pid}/io", os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        return None
    except OSError:
        return 0
    try:
        return _number(os.read(descriptor, 4096), b"write_bytes:")
    except PermissionError:
        return None
    except OSError:
        return 0
    finally:
        os.close(descriptor)


def _proportional(pid: int) -> tuple[int, int]:
    """Its memory with each shared page divided among those that share it, and the part of it that is shared memory."""
    rollup = _read(f"/proc/{pid}/smaps_rollup")
    if not rollup:
        return _one(pid).memory_bytes, 0
    return _number(rollup, b"Pss:") * 1024, _number(rollup, b"Pss_Shmem:") * 1024


def _number(text: bytes, name: bytes) -> int:
    words = text.split()
    return int(words[words.index(name) + 1]) if name in words else 0


def _read(path: str) -> bytes:
    """The file's bytes; none where the process is gone or is not to be looked at."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        parts = []
        while part := os.read(descriptor, 65536):
            parts.append(part)
        return b"".join(parts)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
