"""How long a queued task will probably wait: from what comes before it, and how long such tasks took lately.

A range, not a time: it says what half of the recent tasks of the queue were like, and nothing about the next one.
"""

import math
import statistics
from dataclasses import dataclass

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from models.states import State
from models.task import Task

COUNTED = 100
LOOKED_AT = 500
"""Of the newest tasks that ended, whatever their queue."""
ENOUGH = 3
_QUEUED = (Task.state == literal(State.QUEUED.value, literal_execute=True)) & Task.waits_until.is_(None)


@dataclass(frozen=True)
class Ahead:
    """How many tasks of its queue come before a task, counted up to a limit."""

    count: int

    @property
    def in_words(self) -> str:
        """As the end of a sentence."""
        if not self.count:
            return "it is the next"
        return f"{self.count if self.count < COUNTED else f'{COUNTED} or more'} before it"


@dataclass(frozen=True)
class Line:
    """What a task stands in: its queue, who is before it, and how many are served at the same time."""

    queue: str
    ahead: Ahead
    places: int


def ahead_of(session: Session, task: Task) -> Ahead:
    """Who comes before the task."""
    earlier = select(Task.number).where(_QUEUED, Task.queue == task.queue, Task.rank_at < task.rank_at)
    return Ahead(session.scalar(select(func.count()).select_from(earlier.limit(COUNTED).subquery())) or 0)


def expected_wait(session: Session, line: Line) -> str:
    """The probable wait as a sentence, or that nothing is known."""
    took = _recent(session, line.queue)
    if len(took) < ENOUGH:
        return "How long that takes is not known: too few tasks of this queue have ended lately."
    quartiles = statistics.quantiles(took, n=4)
    # At best a place comes free now; at worst the running ones have only begun.
    least, most = (turns * each for turns, each in zip(_turns(line), (quartiles[0], quartiles[2]), strict=True))
    if line.ahead.count >= COUNTED:
        return f"That takes {in_words(least)} at least, judging by the last ones."
    if in_words(least) == in_words(most):
        return f"It probably starts in about {in_words(most)}."
    return f"It probably starts in {in_words(least)} to {in_words(most)}."


def in_words(seconds: float) -> str:
    """The length of time, rounded as people say it."""
    if seconds < 90:
        return f"{max(1, math.ceil(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3600)} h" if seconds < 36 * 3600 else f"{round(seconds / 86400)} days"


def _turns(line: Line) -> tuple[float, float]:
    return line.ahead.count / line.places, line.ahead.count / line.places + 1


def _recent(session: Session, queue: str) -> list[float]:
    """How long the queue's tasks took that ended lately, in seconds."""
    ended = select(Task.queue, Task.started_at, Task.finished_at).where(Task.finished_at.is_not(None))
    newest = session.execute(ended.order_by(Task.finished_at.desc()).limit(LOOKED_AT))
    return [
        (finished_at - started_at).total_seconds()
        for name, started_at, finished_at in newest
        if name == queue and started_at is not None and finished_at is not None
    ]
