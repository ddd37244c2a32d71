"""Run a sandbox to its end: follow its output, keep its limits, say how it ended.

Whatever happens here, an exception of `emit` or a signal too, every process of the call is dead when
`supervise` is left: running.py sees to it.
"""

import resource
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

from models.errors import ToolFailed
from tools.contract import Emit, Finished, Limits, Resources
from tools.sandbox.cgroup_choice import new_group
from tools.sandbox.contract import Call
from tools.sandbox.explained import explain
from tools.sandbox.inherited import Inherited
from tools.sandbox.keeper import kept
from tools.sandbox.running import GO, Running
from tools.sandbox.streams import Streams
from tools.sandbox.watch import Watch, Watched

CANCELLED = "cancelled"
TIMED_OUT = 124
KILLED = 128 + signal.SIGKILL
_TICK_S = 0.05
_DRAIN_S = 0.3


def supervise(
    command: tuple[str, ...],
    inherited: Inherited,
    call: Call,
    *,
    emit: Emit,
    is_cancelled: Callable[[], bool],
    each: Mapping[int, tuple[int, int]] | None = None,
    in_memory: tuple[str, ...] = (),
) -> Finished:
    """Run the sandbox's `command`, which puts `call` into it, and wait.

    `each` holds the kernel's limits for each process, soft and hard, where they are not set inside.  `in_memory`
    names the file systems in memory that the sandbox has for itself, by their paths inside.  An outer process that
    finds that out itself reports it as "in-memory", and as "on-disk" a folder that is counted as the workspace is.

    Raises:
        SandboxUnavailable: it was not set up; nothing was run.
        ToolFailed: how it ended cannot be told.
    """
    with kept():
        running = Running(command, inherited)
        try:
            watch = _set_up(running, call, inherited, each or {}, in_memory)
            with closing(Streams(running, GO + call.stdin, emit)) as streams:
                ended_by = _follow(streams, watch, call.limits, is_cancelled)
                killed = watch.at_the_end()
                if ended_by is None:
                    running.leave()
                else:
                    running.kill()
                streams.drain(_DRAIN_S)
        finally:
            running.end()
    return _finished(running, streams, watch, ended_by, killed)


def _set_up(
    running: Running,
    call: Call,
    inherited: Inherited,
    each: Mapping[int, tuple[int, int]],
    in_memory: Sequence[str],
) -> Watch:
    """Have the limits of the call in force before its command begins."""
    # While the sandbox is being made.
    group = new_group(call.limits)
    if group is not None:
        running.bind(group)
    root = running.set_up()
    for number, pair in each.items():
        resource.prlimit(root.first, number, pair)
    made = inherited.report()
    return Watch(call, Watched(root, group, made.get("in-memory", in_memory), made.get("on-disk")))


def _follow(streams: Streams, watch: Watch, limits: Limits, is_cancelled: Callable[[], bool]) -> str | None:
    """Move the output until the command ends (None) or must be ended: a limit's name, or CANCELLED."""
    while not streams.move(_TICK_S):
        if is_cancelled():
            return CANCELLED
        if streams.total_bytes > limits.output_bytes:
            return "output_bytes"
        if (over := watch.over()) is not None:
            return over
    return None


def _finished(running: Running, streams: Streams, watch: Watch, ended_by: str | None, killed: int) -> Finished:
    if ended_by is None and running.exit_code is None:
        raise ToolFailed("cannot tell how the command ended: the sandbox was killed from outside")
    stdout, stderr = streams.captured("stdout"), streams.captured("stderr")
    code, resources = _exit_code(running, ended_by), _resources(running, watch, killed)
    hit = ended_by or explain(code, stderr, resources.cpu_s, watch)
    return Finished(code, stdout, stderr, resources, None if hit == CANCELLED else hit)


def _exit_code(running: Running, ended_by: str | None) -> int | None:
    match ended_by:
        case None:
            return running.exit_code
        case "wall_s":
            return TIMED_OUT
        case "cancelled":
            return None
    return KILLED


def _resources(running: Running, watch: Watch, killed: int) -> Resources:
    # The kernel's sums are exact but know of no moment; looks from outside miss short lives.
    cpu_s, largest = running.kernel_usage()
    watch.seen = running.seen
    return Resources(
        wall_s=watch.wall_s,
        cpu_s=max(cpu_s, watch.last.cpu_s, watch.seen.cpu_s),
        memory_peak_bytes=max(largest, watch.memory_peak_bytes, watch.seen.memory_peak_bytes),
        processes_peak=max(1, watch.processes_peak),
        processes_killed=killed,
    )
