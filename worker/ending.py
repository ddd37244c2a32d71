"""Tell a worker's pool processes that it is shutting down: a byte that they share with it since before the fork.

A child that drains its queue takes no further task then; who finds the byte: tasks/work.py.
"""

import mmap


class Ending:
    """Set once; seen by every process that was forked from the one that made it."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def begin(self) -> None:
        """The worker is shutting down."""
        self._shared[0] = 1

    def has_begun(self) -> bool:
        """Whether it is."""
        return self._shared[0] == 1
