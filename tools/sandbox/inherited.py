"""The descriptors that a sandbox inherits: small files' contents, and where it reports about itself."""

import json
import os
import select
from typing import Any


class Inherited:
    """Open while the sandbox is being started and watched; `numbers` is what the child must inherit."""

    def __init__(self) -> None:
        self._reports, self.status = os.pipe()
        self.numbers = [self.status]

    def __enter__(self) -> "Inherited":
        return self

    def __exit__(self, *_: object) -> None:
        self.hand_out()
        os.close(self._reports)

    def holding(self, data: bytes) -> int:
        """A descriptor from which `data` can be read."""
        number = os.memfd_create("opscore")
        self.numbers.append(number)
        os.write(number, data)
        os.lseek(number, 0, os.SEEK_SET)
        return number

    def hand_out(self) -> None:
        """Close our copies once the child has its own: else the status pipe would never end."""
        while self.numbers:
            os.close(self.numbers.pop())

    def report(self, timeout: float) -> dict[str, Any]:
        """What the sandbox says about itself next; empty when it ended or after `timeout` seconds."""
        ready, _, _ = select.select([self._reports], [], [], timeout)
        lines = os.read(self._reports, 65536).splitlines() if ready else []
        return {key: value for line in lines for key, value in json.loads(line).items()}
