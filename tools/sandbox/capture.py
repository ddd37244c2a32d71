"""Keep the first and the last part of an output, however long it gets."""

from tools.contract import MIB, Captured

KEPT_BYTES = MIB // 2
"""Per stream, so that both together stay within 1 MiB."""


class Capture:
    """One stream, as it grows."""

    def __init__(self, kept: int = KEPT_BYTES) -> None:
        self._head_size = kept // 2
        self._tail_size = kept - self._head_size
        self._head = bytearray()
        self._tail = bytearray()
        self.total_bytes = 0

    def add(self, chunk: bytes) -> None:
        """Take the next part; nothing but head and tail stays in memory."""
        self.total_bytes += len(chunk)
        room = self._head_size - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        if len(self._tail) > 2 * self._tail_size:
            del self._tail[: -self._tail_size]

    def captured(self) -> Captured:
        """What was kept so far."""
        return Captured(bytes(self._head), bytes(self._tail[-self._tail_size :]), self.total_bytes)
