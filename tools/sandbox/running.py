"""One started sandbox: its processes from the first to the last.

Its outer process is our child; `first` is the first process inside, and all others end with it: on tiers 1 and
2 the kernel sees to that, elsewhere the outer process, which leaves last.  If we die, the kernel ends the outer
process, and with it the first (`--die-with-parent`).  Both ask the kernel for that while they are being set up,
and one that asks too late is never told.  So the first process asks us twice.  What the outer process is started with:

    0        the command's input; its first line, "go", is ours and read by the first process alone
    1, 2     the command's output; the first line of 1, an empty one, is the first process's
    CONTROL  a stream socket between us and the first process, which the command does not inherit
    STATUS   a file in memory: JSON lines, {"child-pid": N} before the first process is there, {"exit-code": N} last

1. The first process is set up: it writes the empty line, and starts the command only when it has read "go".  A dead
   worker writes none.
2. The command has ended: the first process writes its exit code as a line to CONTROL, and leaves with that code
   only when it has read a line there, or its end.  Meanwhile we count what the command left behind.

What bubblewrap itself may leave when we are killed: leftovers.py.
"""

import os
import resource
import select
import signal
import socket
from contextlib import suppress

from models.errors import SandboxUnavailable, ToolFailed
from tools.sandbox.cgroup import Group, Seen
from tools.sandbox.inherited import CONTROL, STDERR, STDIN, STDOUT, Inherited
from tools.sandbox.spawning import spawn
from tools.sandbox.tree import Root, below

GO = b"go\n"
"""What the first process waits for before it starts the command."""

LEAVE = b"leave\n"
"""What it waits for once the command has ended."""

_SET_UP_S = 10.0
_DIE_S = 5.0
_LEAVE_S = 1.0


class Running:
    """Started on construction; `end()` must be called, and may be called when it ended by itself.

    `stdin`, `stdout`, `stderr` and `control` are our ends, open until the end.
    """

    def __init__(self, command: tuple[str, ...], inherited: Inherited) -> None:
        self._inherited = inherited
        theirs_in, self.stdin = os.pipe()
        self.stdout, theirs_out = os.pipe()
        self.stderr, theirs_err = os.pipe()
        ours, theirs = socket.socketpair()
        self.control, theirs_control = ours.detach(), theirs.detach()
        given = {STDIN: theirs_in, STDOUT: theirs_out, STDERR: theirs_err, CONTROL: theirs_control}
        self._ours = [self.stdin, self.stdout, self.stderr, self.control]
        try:
            self.pid = spawn(command, given | inherited.held)
            self.ended = os.pidfd_open(self.pid)
        except BaseException:
            self._close()
            raise
        finally:
            for descriptor in given.values():
                os.close(descriptor)
        self._ours.append(self.ended)
        self.first: int | None = None
        self._first_ended: int | None = None
        self._usage: resource.struct_rusage | None = None
        self.exit_code: int | None = None
        self._group: Group | None = None
        self.seen = Seen()
        """After the end: what the group of `bind` counted."""

    def bind(self, group: Group) -> None:
        """Have the first process, and with it all that it will start, put into the group, which goes with it."""
        self._group = group

    def set_up(self) -> Root:
        """Wait until the first process is there.

        Raises:
            SandboxUnavailable: the sandbox could not be made; says why.
        """
        if not self._is_there():
            raise self._unavailable()
        report = self._inherited.report()
        self.first = int(report["child-pid"])
        self._first_ended = os.pidfd_open(self.first)
        self._ours.append(self._first_ended)
        if self._group is not None:
            self._group.add(self.first)
        return Root(self.pid, self.first, report.get("guard-pid"))

    def _is_there(self) -> bool:
        return _is_readable(self.stdout, _SET_UP_S) and os.read(self.stdout, 1) == b"\n"

    def leave(self) -> None:
        """Let the first process leave, whose command has ended."""
        with suppress(BrokenPipeError):  # it is gone
            os.write(self.control, LEAVE)

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
            self._remove_group()

    def _remove_group(self) -> None:
        if self._group is not None:
            self.seen = self._group.seen()
            self._group.remove()

    def kernel_usage(self) -> tuple[float, int]:
        """After the end: CPU seconds of all processes, and the resident bytes of the largest (0: unknown)."""
        assert self._usage is not None  # noqa: S101  (set by end)
        # A child starts out in its parent's memory, which counts: only what is larger than ours is its own.
        ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        largest = self._usage.ru_maxrss if self._usage.ru_maxrss > ours else 0
        return self._usage.ru_utime + self._usage.ru_stime, largest * 1024

    def close_stdin(self) -> None:
        """Let the command's input end; fine if it has."""
        if self.stdin in self._ours:
            self._ours.remove(self.stdin)
            os.close(self.stdin)

    def _reap(self) -> None:
        self._leave()
        _, _, self._usage = os.wait4(self.pid, 0)
        self.exit_code = self._inherited.report().get("exit-code")

    def _leave(self) -> None:
        """Have the outer process leave by itself: only then does it hand up what all of them used.

        Without our word the first process goes, and the outer one with it; killed while it is setting up, it would
        leave an inner process that waits for ever.
        """
        self.close_stdin()
        if not _is_readable(self.ended, _LEAVE_S):
            for inner in below(self.pid):
                with suppress(ProcessLookupError):
                    os.kill(inner, signal.SIGKILL)
            signal.pidfd_send_signal(self.ended, signal.SIGKILL)

    def _close(self) -> None:
        while self._ours:
            os.close(self._ours.pop())

    def _unavailable(self) -> SandboxUnavailable:
        self._leave()
        os.set_blocking(self.stderr, False)
        try:
            said = os.read(self.stderr, 4096).decode(errors="replace").strip()
        except BlockingIOError:
            said = ""
        return SandboxUnavailable("cannot set up the sandbox", said=said)


def _is_readable(descriptor: int, timeout: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(timeout * 1000))
