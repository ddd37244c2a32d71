"""What a run is to do other than go on, and how long it may be sure of its task.  Who looks: heart.py.

A pulse belongs to one run.  Its wish is asked for many times a second by the tool that runs, so it costs nothing;
the end of the lease shows in it by itself, also when nobody could look any more.
"""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from models.claim import Claim, Fenced, Lost

SURE_FOR = 0.9
"""Of a lease: the rest is for ending the tool."""


class Wish(StrEnum):
    """Why a run is to end before its last step; the first that holds counts."""

    FENCED = "fenced"
    """Another run owns the task."""
    LOST = "lost"
    """The database was silent until the lease's end."""
    CANCEL = "cancel"
    STOP = "stop"
    """Emergency: end the tool now; the step is repeated later as its effect allows."""
    DEADLINE = "deadline"
    PAUSE = "pause"
    """After the step that runs."""


def uptime() -> float:
    """Seconds that this host has been up, those asleep too; nobody can set this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass
class Pulse:
    """Of one run.  Its lease was extended, or made, by a statement that was sent after `asked_at`, by `uptime`."""

    claim: Claim
    lease: timedelta
    asked_at: float
    is_fenced: bool = False
    is_lost: bool = False
    """Whether the end of the lease was seen: from then on the run is over, whatever the database says later."""
    wanted: dict[Wish, bool] = field(init=False)
    cut: Wish | None = None
    """Why the call that runs was told to end."""

    def __post_init__(self) -> None:
        # An earlier run may have ended before it saw what was wanted of it.
        self.wanted = _wanted(self.claim.task)

    @property
    def wish(self) -> Wish | None:
        """What the run is to do other than go on."""
        if self.is_fenced:
            return Wish.FENCED
        self.is_lost = self.is_lost or uptime() >= self.sure_until
        if self.is_lost:
            return Wish.LOST
        return next((wish for wish in _IN_ORDER if self.wanted.get(wish)), None)

    @property
    def sure_until(self) -> float:
        """When the tool must end: a little before anybody else may take the task."""
        return self.asked_at + SURE_FOR * self.lease.total_seconds()

    def cuts(self) -> bool:
        """Whether the call that runs is to end now; it is remembered why."""
        if self.cut is None and (wish := self.wish) is not Wish.PAUSE:
            self.cut = wish
        return self.cut is not None

    def see(self, row: Any) -> None:
        """Take in what stands in the task's row: `models.claim.WISHES`."""
        self.wanted = {**_wanted(row), Wish.DEADLINE: bool(row.is_late)}

    def demand(self) -> None:
        """Go on only as long as the task is ours.

        Raises:
            Fenced: another run owns it.
            Lost: nothing proves that it is ours.
        """
        match self.wish:
            case Wish.FENCED:
                raise Fenced("cannot go on: another run owns this task", task_id=self.claim.task_id)
            case Wish.LOST:
                raise Lost("cannot go on: the lease has ended", task_id=self.claim.task_id)


def _wanted(row: Any) -> dict[Wish, bool]:
    return {
        Wish.CANCEL: row.cancel_requested_at is not None,
        Wish.STOP: row.stop_requested_at is not None,
        Wish.PAUSE: row.pause_requested_at is not None,
    }


_IN_ORDER = (Wish.CANCEL, Wish.STOP, Wish.DEADLINE, Wish.PAUSE)
