"""Run a sandbox to its end: follow its output, keep its limits, say how it ended.

Whatever happens here, an exception of `emit` or a signal too, every process of the call is dead when
`supervise` is left: running.py sees to it.
"""

import signal
from collections.abc import Callable
from contextlib import closing

from models.errors import ToolFailed
from tools.contract import Emit, Finished, Limits, Resources
from tools.sandbox.contract import Call
from tools.sandbox.inherited import Inherited
from tools.sandbox.running import GO, Running
from tools.sandbox.streams import Streams
from tools.sandbox.watch import Watch

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
) -> Finished:
    """Run the sandbox's `command`, which puts `call` into it, and wait.

    Raises:
        SandboxUnavailable: it was not set up; nothing was run.
        ToolFailed: how it ended cannot be told.
    """
    running = Running(command, inherited)
    try:
        watch = Watch(call, running.set_up())
        with closing(Streams(running, GO + call.stdin, emit)) as streams:
            ended_by = _follow(streams, watch, call.limits, is_cancelled)
            if ended_by is None:
                running.leave()
            else:
                watch.look()
                running.kill()
            streams.drain(_DRAIN_S)
    finally:
        running.end()
    return _finished(running, streams, watch, ended_by)


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


def _finished(running: Running, streams: Streams, watch: Watch, ended_by: str | None) -> Finished:
    stdout, stderr = streams.captured("stdout"), streams.captured("stderr")
    if ended_by is None and running.exit_code is None:
        raise ToolFailed("cannot tell how the command ended: the sandbox was killed from outside")
    code = _exit_code(running, ended_by)
    return Finished(
        exit_code=code,
        stdout=stdout,
        stderr=stderr,
        resources=_resources(running, watch, killed=watch.last.processes if ended_by else 0),
        hit=None if ended_by == CANCELLED else ended_by or watch.explain(code, stderr),
    )


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
    return Resources(
        wall_s=watch.wall_s,
        cpu_s=max(cpu_s, watch.last.cpu_s),
        memory_peak_bytes=max(largest, watch.memory_peak_bytes),
        processes_peak=max(1, watch.processes_peak),
        processes_killed=killed,
    )
