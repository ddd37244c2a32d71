"""The lead of one reconciler: taken, kept during a long round, lost, given up.

Of all reconcilers of an installation one leads.  It asks again every two seconds, and whoever follows it takes over
when it was silent for `TERM` (models/leadership.py).  Why not a thread that keeps the lead: decision 0028.
"""

import os
import secrets
import socket
import threading
import time

from models.database import writing
from models.leadership import RECONCILER, lead, resign

ASK_AGAIN_AFTER_S = 2.0
# Goes on while the host sleeps or the process is stopped, as the others' clocks do.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class RoundCut(Exception):
    """The round ends here: another reconciler leads, or this process is to stop.  The next round does the rest."""


class Lead:
    """Whether this process leads, and since when that is known."""

    def __init__(self, stopping: threading.Event) -> None:
        self.holder = f"{socket.gethostname()[:80]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.stopping = stopping
        self.is_mine = False
        self._asked_at = 0.0

    def ask(self) -> bool:
        """Take the lead, or keep it; False while another has it."""
        at = time.clock_gettime(CLOCK)
        if not self.is_mine or at - self._asked_at > ASK_AGAIN_AFTER_S:
            self.is_mine = False  # whatever happens in the next lines
            with writing() as session:
                self.is_mine = lead(session, RECONCILER, self.holder)
            # From before the question: the answer may have been long on its way.
            self._asked_at = at
        return self.is_mine

    def keep(self) -> None:
        """Keep the lead in the middle of a round.

        Raises:
            RoundCut: another has it by now, or this process is to stop.
        """
        if self.stopping.is_set() or not self.ask():
            raise RoundCut

    def give_up(self) -> None:
        """Let another lead at once."""
        if self.is_mine:
            self.is_mine = False
            with writing() as session:
                resign(session, RECONCILER, self.holder)
