"""One started sandbox: its processes from the first to the last.

Its outer process is our child; `first` is the first process inside, and the kernel ends all others with it.
If we die, the kernel ends the outer process, and with it the first (`--die-with-parent`).  Both ask the kernel
for that while they are being set up, and one that asks too late is never told.  So the first process says an
empty line once it has asked, and then waits for a line that a dead worker does not write.  What bubblewrap itself may
leave: leftovers.py.
"""

import os
import resource
import select
import signal
import subprocess
from contextlib import suppress
from typing import Any

import psutil

from models.errors import SandboxUnavailable, ToolFailed
from tools.sandbox.inherited import Inherited

GO = b"go\n"
"""What the first process waits for."""

_SET_UP_S = 10.0
_DIE_S = 5.0
_LEAVE_S = 1.0


class Running:
    """Started on construction; `end()` must be called, and may be called when it ended by itself."""

    def __init__(self, command: tuple[str, ...], inherited: Inherited) -> None:
        self.process = subprocess.Popen(
            command,
            bufsize=0,
            cwd="/",
            # Bubblewrap's own environment can be read inside, as that of process 1.
            env={},
            pass_fds=inherited.numbers,
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._inherited = inherited
        self.ended = os.pidfd_open(self.process.pid)
        self.first: int | None = None
        self._first_ended: int | None = None
        self._usage: resource.struct_rusage | None = None
        self.exit_code: int | None = None

    def set_up(self) -> int:
        """Wait until the first process is there; returns its pid.

        Raises:
            SandboxUnavailable: the sandbox could not be made; says why.
        """
        if not self._is_there():
            raise self._unavailable()
        self.first = int(self._inherited.report()["child-pid"])
        self._first_ended = os.pidfd_open(self.first)
        return self.first

    def _is_there(self) -> bool:
        stdout: Any = self.process.stdout
        return _is_readable(stdout.fileno(), _SET_UP_S) and os.read(stdout.fileno(), 1) == b"\n"

    def kill(self) -> None:
        """Kill everything inside, and wait until it is gone; fine if it is.

        Raises:
            ToolFailed: a process does not die: it is stuck in the kernel.
        """
        if self._first_ended is None:
            return
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._first_ended, signal.SIGKILL)
        if not _is_readable(self._first_ended, _DIE_S):
            raise ToolFailed("cannot end all processes of the call", pid=self.first)

    def end(self) -> None:
        """Kill what is left, wait until it is gone, and take in what it used and how it ended."""
        try:
            self.kill()
        finally:
            self._reap()
            self._close()

    def kernel_usage(self) -> tuple[float, int]:
        """After the end: CPU seconds of all processes, and the resident bytes of the largest (0: unknown)."""
        assert self._usage is not None  # noqa: S101  (set by end)
        # A child starts out in its parent's memory, which counts: only what is larger than ours is its own.
        ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        largest = self._usage.ru_maxrss if self._usage.ru_maxrss > ours else 0
        return self._usage.ru_utime + self._usage.ru_stime, largest * 1024

    def _reap(self) -> None:
        self._leave()
        _, status, self._usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.exit_code = self._inherited.report().get("exit-code")

    def _leave(self) -> None:
        """Have the outer process leave by itself: only then does it hand up what all of them used.

        Without our word the first process goes, and the outer one with it; killed while it is setting up, it would
        leave an inner process that waits for ever.
        """
        if self.process.stdin is not None:
            self.process.stdin.close()
        if not _is_readable(self.ended, _LEAVE_S):
            for inner in psutil.Process(self.process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    inner.kill()
            # Not Popen.kill: it looks first, and would take the exit status that `_reap` waits for.
            signal.pidfd_send_signal(self.ended, signal.SIGKILL)

    def _close(self) -> None:
        descriptors = [self.ended, self._first_ended]
        for descriptor in descriptors:
            if descriptor is not None:
                os.close(descriptor)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def _unavailable(self) -> SandboxUnavailable:
        self._leave()
        pipe: Any = self.process.stderr
        os.set_blocking(pipe.fileno(), False)
        said = (pipe.read(4096) or b"").decode(errors="replace").strip()
        return SandboxUnavailable("cannot set up the sandbox", said=said)


def _is_readable(descriptor: int, timeout: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(timeout * 1000))
