"""The descriptors that a sandbox is started with, and where it reports about itself.

Numbers are those that the sandbox's outer process sees; what they are for: running.py.
"""

import json
import os
from typing import Any

STDIN, STDOUT, STDERR, CONTROL, STATUS = range(5)


class Inherited:
    """Open while the sandbox is being started and watched; `held` says which descriptor of ours is to be which there.

    The report is a file in memory and no pipe: if we die, a write to a pipe would end bubblewrap halfway through
    its setting up, and leave a process that waits for ever.
    """

    status = STATUS

    def __init__(self) -> None:
        self._report = os.memfd_create("opscore")
        self.held = {STATUS: self._report}

    def __enter__(self) -> "Inherited":
        return self

    def __exit__(self, *_: object) -> None:
        while self.held:
            os.close(self.held.popitem()[1])

    def holding(self, data: bytes) -> int:
        """The number, there, of a descriptor from which `data` can be read."""
        ours = os.memfd_create("opscore")
        number = STATUS + len(self.held)
        self.held[number] = ours
        written = 0
        while written < len(data):
            # Not `write`: the place in the file is shared with the one who reads.
            written += os.pwrite(ours, data[written:], written)
        return number

    def report(self) -> dict[str, Any]:
        """All that the sandbox has said about itself so far, whole lines only."""
        # Not `read`: the place in the file is shared with the one who writes.
        whole, _, _ = os.pread(self._report, 65536, 0).rpartition(b"\n")
        return {name: value for line in whole.splitlines() for name, value in json.loads(line).items()}
