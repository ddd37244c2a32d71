"""Move a running call's input in and its output out, without ever waiting for only one of them."""

import os
import selectors
import subprocess
import time

from tools.contract import Captured, Emit
from tools.sandbox.capture import Capture

_CHUNK = 65536


class Streams:
    """The three pipes of a process, and a descriptor that becomes readable when it ends."""

    def __init__(self, process: "subprocess.Popen[bytes]", ended: int, stdin: bytes, emit: Emit) -> None:
        assert process.stdin and process.stdout and process.stderr  # noqa: S101  (it was started with pipes)
        self._emit = emit
        self._ended = ended
        self._stdin = process.stdin
        self._input = memoryview(stdin)
        self._captures = {"stdout": Capture(), "stderr": Capture()}
        self._selector = selectors.DefaultSelector()
        for name, pipe in (("stdout", process.stdout), ("stderr", process.stderr)):
            self._selector.register(pipe.fileno(), selectors.EVENT_READ, name)
        self._selector.register(self._stdin.fileno(), selectors.EVENT_WRITE, "stdin")
        self._selector.register(ended, selectors.EVENT_READ, "ended")
        for pipe in (process.stdin, process.stdout, process.stderr):
            os.set_blocking(pipe.fileno(), False)

    def close(self) -> None:
        """Let go of the pipes; they stay open."""
        self._selector.close()

    @property
    def total_bytes(self) -> int:
        return sum(capture.total_bytes for capture in self._captures.values())

    def captured(self, name: str) -> Captured:
        return self._captures[name].captured()

    def move(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds and move what can be moved; True once the process has ended."""
        ended = False
        for key, _ in self._selector.select(timeout):
            match key.data:
                case "ended":
                    ended = True
                case "stdin":
                    self._write()
                case name:
                    self._read(key.fd, name)
        return ended

    def drain(self, seconds: float) -> None:
        """Read what is still in the pipes, for `seconds` at most: somebody may hold them open."""
        self._forget(self._ended)
        self._end_input()
        until = time.monotonic() + seconds
        while self._selector.get_map() and (left := until - time.monotonic()) > 0:
            self.move(left)

    def _read(self, descriptor: int, name: str) -> None:
        chunk = os.read(descriptor, _CHUNK)
        if not chunk:
            self._forget(descriptor)
            return
        self._captures[name].add(chunk)
        self._emit(name, chunk)

    def _write(self) -> None:
        try:
            written = os.write(self._stdin.fileno(), self._input[:_CHUNK])
        except BrokenPipeError:
            written = len(self._input)
        self._input = self._input[written:]
        if not self._input:
            self._end_input()

    def _end_input(self) -> None:
        if not self._stdin.closed:
            self._forget(self._stdin.fileno())
            self._stdin.close()

    def _forget(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)
