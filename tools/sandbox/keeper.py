"""A process that outlives ours, and tidies up when we are killed in the middle of a call.

A dead worker ends nothing and removes nothing.  What its sandboxes ran, the kernel ends; the little that stays
(leftovers.py) is gone a moment later and not only when another worker begins.  The keeper is a shell that reads a
pipe: a line when a call begins and one when it is over, and its end when we are gone.  While no call runs it has
nothing to do.  Why: docs/decisions/0023-a-keeper-for-each-worker.md.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from tools.sandbox.spawning import spawn

_PROJECT = Path(__file__).resolve().parents[2]
_PROGRAM = (
    "(cd /; trap '' HUP INT TERM; calls=0; "
    "while read -r said; do calls=$((calls $said 1)); done <&3; exec 3<&-; "
    '[ $calls -gt 0 ] || exit 0; cd -- "$1" && shift && exec "$@") &'
)
"""It goes to the background, whence it is nobody's child: whoever looks at ours finds the processes of calls alone."""

_BEGINS, _IS_OVER = b"+\n", b"-\n"


@contextmanager
def kept() -> Iterator[None]:
    """Have the keeper tidy up if this process does not live to the end of the block."""
    pipe = _started(os.getpid())
    _tell(pipe, _BEGINS)
    try:
        yield
    finally:
        _tell(pipe, _IS_OVER)


def _tell(pipe: int, line: bytes) -> None:
    # Whoever killed the keeper can have it no better; the next worker tidies up.
    with suppress(BrokenPipeError):
        os.write(pipe, line)


@cache
def _started(pid: int) -> int:
    """Start the keeper of the process with this pid, ours; returns the pipe to it, open for as long as we live."""
    theirs, ours = os.pipe()
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    tidying = (sys.executable, "-B", "-m", "tools.sandbox.tidying")
    try:
        words = ("/bin/sh", "-c", _PROGRAM, "sh", str(_PROJECT), *tidying)
        os.waitpid(spawn(words, {0: nothing, 1: nothing, 2: nothing, 3: theirs}), 0)
    finally:
        os.close(theirs)
        os.close(nothing)
    return ours
