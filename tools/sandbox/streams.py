"""Move a running call's input in and its output out, without ever waiting for only one of them."""

import os
import selectors
import time

from tools.contract import Captured, Emit
from tools.sandbox.capture import Capture
from tools.sandbox.running import Running

_CHUNK = 65536


class Streams:
    """The three pipes of a sandbox, and the two descriptors that become readable when its command has ended."""

    def __init__(self, running: Running, stdin: bytes, emit: Emit) -> None:
        self._running = running
        self._emit = emit
        self._input = memoryview(stdin)
        self._captures = {"stdout": Capture(), "stderr": Capture()}
        self._selector = selectors.DefaultSelector()
        for name, pipe in (("stdout", running.stdout), ("stderr", running.stderr)):
            self._selector.register(pipe, selectors.EVENT_READ, name)
        self._selector.register(running.stdin, selectors.EVENT_WRITE, "stdin")
        for descriptor in (running.ended, running.control):
            self._selector.register(descriptor, selectors.EVENT_READ, "ended")
        for pipe in (running.stdin, running.stdout, running.stderr):
            os.set_blocking(pipe, False)

    def close(self) -> None:
        """Let go of the pipes; they stay open."""
        self._selector.close()

    @property
    def total_bytes(self) -> int:
        return sum(capture.total_bytes for capture in self._captures.values())

    def captured(self, name: str) -> Captured:
        return self._captures[name].captured()

    def move(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds and move what can be moved; True once the command has ended."""
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
        for descriptor in (self._running.ended, self._running.control):
            self._selector.unregister(descriptor)
        self._end_input()
        until = time.monotonic() + seconds
        while self._selector.get_map() and (left := until - time.monotonic()) > 0:
            self.move(left)

    def _read(self, descriptor: int, name: str) -> None:
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:  # the command opened its own pipe, and was faster
            return
        if not chunk:
            self._selector.unregister(descriptor)
            return
        self._captures[name].add(chunk)
        self._emit(name, chunk)

    def _write(self) -> None:
        try:
            written = os.write(self._running.stdin, self._input[:_CHUNK])
        except BlockingIOError:  # the command opened its own pipe, and filled it
            return
        except BrokenPipeError:
            written = len(self._input)
        self._input = self._input[written:]
        if not self._input:
            self._end_input()

    def _end_input(self) -> None:
        if self._running.stdin in self._selector.get_map():
            self._selector.unregister(self._running.stdin)
            self._running.close_stdin()
