"""Schedules with the time of each that came last, and a schedule's firings, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from models.schedule import Firing, Schedule
from models.task import Task


@dataclass(frozen=True)
class Fired:
    """A firing, and where its task stands now; None for one without a task, or whose task was deleted."""

    firing: Firing
    task_state: str | None
    task_title: str | None


@dataclass(frozen=True)
class Listed:
    """A schedule and what its last time came to."""

    schedule: Schedule
    last: Fired | None


def listed(session: Session, after: str = "", limit: int = 50, name: str | None = None) -> list[Listed]:
    """Schedules by name, those after the given name, `limit` at most."""
    of_last = and_(Firing.schedule_id == Schedule.id, Firing.due_at == Schedule.last_at)
    found = select(Schedule, Firing, Task.state, Task.title).outerjoin(Firing, of_last)
    found = found.outerjoin(Task, Task.id == Firing.task_id).where(Schedule.name > after)
    if name is not None:
        found = found.where(Schedule.name == name)
    rows = session.execute(found.order_by(Schedule.name).limit(limit))
    return [Listed(schedule, _fired(firing, state, title)) for schedule, firing, state, title in rows]


def firings(session: Session, schedule_id: str, before: datetime | None = None, limit: int = 50) -> Sequence[Fired]:
    """The schedule's firings, newest first, those before the given time."""
    found = select(Firing, Task.state, Task.title).outerjoin(Task, Task.id == Firing.task_id)
    found = found.where(Firing.schedule_id == schedule_id)
    if before is not None:
        found = found.where(Firing.due_at < before)
    rows = session.execute(found.order_by(Firing.due_at.desc()).limit(limit))
    return [Fired(firing, state, title) for firing, state, title in rows]


def _fired(firing: Firing | None, state: str | None, title: str | None) -> Fired | None:
    return None if firing is None else Fired(firing, state, title)
