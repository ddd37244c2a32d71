"""The descriptors that a sandbox inherits: small files' contents, and where it reports about itself."""

import json
import os
import select
import time
from typing import Any


class Inherited:
    """Open while the sandbox is being started and watched; `numbers` is what the child must inherit."""

    def __init__(self) -> None:
        self._reports, self.status = os.pipe()
        self._said = b""
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
        with os.fdopen(os.dup(number), "wb") as file:
            file.write(data)
        os.lseek(number, 0, os.SEEK_SET)
        return number

    def hand_out(self) -> None:
        """Close our copies once the child has its own: else the status pipe would never end."""
        while self.numbers:
            os.close(self.numbers.pop())

    def report(self, timeout: float) -> dict[str, Any]:
        """What the sandbox says about itself next; empty when it ended or after `timeout` seconds."""
        until = time.monotonic() + timeout
        # A line comes in pieces.
        while b"\n" not in self._said:
            left = max(0.0, until - time.monotonic())
            ready, _, _ = select.select([self._reports], [], [], left)
            piece = os.read(self._reports, 4096) if ready else b""
            if not piece:
                return {}
            self._said += piece
        line, _, self._said = self._said.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        return said
