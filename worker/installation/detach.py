"""Go on in the background: the starter waits until the pages answer, tells what the start said, and leaves."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

READY = b"\0"


def in_background(start: Callable[[Callable[[], None]], int], log: Path) -> int:
    """Run `start` in a process of its own; returns 0 once it is ready, else its exit code.

    Until then it writes to this terminal, afterwards to the log.
    """
    reader, writer = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _leave_the_terminal(writer)
        return start(lambda: _turn_to(log, writer))
    os.close(writer)
    return _wait_for(pid, reader)


def _leave_the_terminal(writer: int) -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(writer, 1)
    os.dup2(writer, 2)
    os.close(nothing)


def _turn_to(log: Path, writer: int) -> None:
    sys.stdout.flush()
    os.write(writer, READY)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    os.close(writer)


def _wait_for(pid: int, reader: int) -> int:
    """Pass on what it says until it is ready or has ended."""

    def give_up(number: int, _frame: FrameType | None) -> None:
        os.kill(pid, signal.SIGTERM)  # it stops in order, and its end ends the loop below

    signal.signal(signal.SIGINT, give_up)
    signal.signal(signal.SIGTERM, give_up)
    is_ready = False
    while chunk := os.read(reader, 4096):
        is_ready = is_ready or READY in chunk
        sys.stdout.write(chunk.replace(READY, b"").decode("utf-8", "replace"))
        sys.stdout.flush()
    if is_ready:
        return 0
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
