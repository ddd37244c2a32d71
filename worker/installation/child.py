"""One child of the supervisor: start it, see it end, end it with everything below it."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from settings import PROJECT
from worker.installation.journal import Journal
from worker.installation.record import Recorded, recorded
from worker.installation.roles import Role

TETHER = Path(__file__).with_name("tether.py")
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
GIVE_UP_AFTER = 5
GIVE_UP_WITHIN_S = 60.0
PIPE_BYTES = 2**20


class Child:
    """A role and the process that serves it now.

    A child that ends is due again after a pause that doubles; one that ended five times within a minute is
    given up.  All calls come from the main thread: the kernel ends a tethered child with the *thread* that
    started it.
    """

    def __init__(self, role: Role, journal: Journal, environment: Mapping[str, str]) -> None:
        self.role = role
        self.process: subprocess.Popen[bytes] | None = None
        self.recorded: Recorded | None = None
        self.is_given_up = False
        self.was_started = False
        self._journal = journal
        self._environment = environment
        self._ends: deque[float] = deque(maxlen=GIVE_UP_AFTER)
        self._due_at = 0.0

    @property
    def is_running(self) -> bool:
        """Whether it had a process when last looked at."""
        return self.process is not None

    @property
    def is_due(self) -> bool:
        """Whether it should be started now."""
        return self.process is None and not self.is_given_up and time.monotonic() >= self._due_at

    def start(self) -> None:
        """Start the process, tied to this one."""
        self.was_started = True
        reader, writer = os.pipe()
        _enlarge(writer)
        self.process = subprocess.Popen(
            [sys.executable, "-IS", str(TETHER), str(os.getpid()), *self.role.command],
            cwd=PROJECT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            # It holds the reading end too: if we die first, its last words fill a buffer instead of
            # raising BrokenPipeError in the middle of its work, which would then look like its failure.
            pass_fds=(reader,),
            start_new_session=True,
        )
        os.close(writer)
        self._journal.follow(self.role.name, reader)
        self.recorded = recorded(self.role.role, self.role.name, self.process.pid)

    def notice_end(self) -> int | None:
        """The exit code (negative: the signal) if the process has ended since the last call, else None."""
        if self.process is None or not _has_ended(self.process.pid):
            return None
        code = self._bury(self.process)
        now = time.monotonic()
        self._ends.append(now)
        recent = sum(now - ended < GIVE_UP_WITHIN_S for ended in self._ends)
        self.is_given_up = recent >= GIVE_UP_AFTER
        self._due_at = now + min(FIRST_PAUSE_S * 2 ** (recent - 1), LONGEST_PAUSE_S)
        return code

    def send(self, number: signal.Signals) -> None:
        """Send the signal to the process, if it is there."""
        if self.process is not None:
            self.process.send_signal(number)

    def bury_if_ended(self) -> bool:
        """Whether the process is gone; what was left below it is killed."""
        if self.process is not None and _has_ended(self.process.pid):
            self._bury(self.process)
        return self.process is None

    def kill(self) -> None:
        """End the process and everything in its group, at once."""
        if self.process is not None:
            self._bury(self.process)

    def _bury(self, process: "subprocess.Popen[bytes]") -> int:
        # Before it is waited for: until then its number, which names the group, cannot be given to another.
        _kill_group(process.pid)
        code = process.wait()
        self.process = None
        self.recorded = None
        return code


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # nobody is left in it (macOS says PermissionError for a group of the dead)


def _enlarge(pipe: int) -> None:
    """Room for a burst of output while the journal is busy."""
    if sys.platform == "linux":
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
