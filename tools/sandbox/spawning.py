"""Start a process with exactly the descriptors that it is to have.

Not `subprocess.Popen`: it can pass a descriptor on only under its own number, and a shell knows only those below
ten.  It is also faster, and needs no Python between fork and exec.
"""

import fcntl
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

_SLACK = 16
"""Descriptors that other threads may open while we look."""


def spawn(command: tuple[str, ...], descriptors: Mapping[int, int]) -> int:
    """Start the command in a session of its own, with an empty environment; returns its pid.

    `descriptors` says which of ours (value) is to be which of its (key); the keys have no gaps, and no other
    descriptor of ours is open there.

    Raises:
        OSError: there is no such program, or no process to be had.
    """
    with ExitStack() as stack:
        actions = list(_actions(descriptors, stack))
        return os.posix_spawn(
            command[0],
            command,
            {},
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            # Python ignores these two; a program that is started must not.
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
        )


def _actions(descriptors: Mapping[int, int], stack: ExitStack) -> Iterator[tuple[int, ...]]:
    count = len(descriptors)
    for theirs, ours in descriptors.items():
        source = ours
        if ours < count:
            # It stands where another one is to be: out of the way.
            source = fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, count)
            stack.callback(os.close, source)
        yield (os.POSIX_SPAWN_DUP2, source, theirs)
    # Ours close by themselves, but a library may have opened others; one that is not open is no error.
    last = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    for number in range(count, last + _SLACK):
        yield (os.POSIX_SPAWN_CLOSE, number)
