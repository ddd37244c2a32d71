"""The descriptors that a sandbox inherits: small files' contents, and where it reports about itself."""

import json
import os
from typing import Any


class Inherited:
    """Open while the sandbox is being started and watched; `numbers` is what the child must inherit.

    The report is a file in memory and no pipe: if we die, a write to a pipe would end bubblewrap halfway through
    its setting up, and leave a process that waits for ever.
    """

    def __init__(self) -> None:
        self.status = os.memfd_create("opscore")
        self.numbers = [self.status]

    def __enter__(self) -> "Inherited":
        return self

    def __exit__(self, *_: object) -> None:
        while self.numbers:
            os.close(self.numbers.pop())

    def holding(self, data: bytes) -> int:
        """A descriptor from which `data` can be read."""
        number = os.memfd_create("opscore")
        self.numbers.append(number)
        with os.fdopen(os.dup(number), "wb") as file:
            file.write(data)
        os.lseek(number, 0, os.SEEK_SET)
        return number

    def report(self) -> dict[str, Any]:
        """All that the sandbox has said about itself so far, whole lines only."""
        # Not `read`: the place in the file is shared with the one who writes.
        whole, _, _ = os.pread(self.status, 65536, 0).rpartition(b"\n")
        return {name: value for line in whole.splitlines() for name, value in json.loads(line).items()}
