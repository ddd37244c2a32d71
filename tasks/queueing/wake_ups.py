"""How many wake-ups a queue must hold, and sending those that are missing.

As many as its workers have places and a few more, never more than tasks wait: a thousand waiting tasks need no
thousand messages, since a worker that is awake goes on while it finds work.  A broker may lose a message between
taking it off the queue and handing it over, so what must be there is counted again and again, from the rows.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, literal, select, union_all, update
from sqlalchemy.orm import Session

from models.columns import now
from models.database import reading, writing
from models.states import State
from models.task import Task
from tasks.broker import BROKER_ERRORS, fill
from tasks.logs import logger
from tasks.queueing.openings import openings

AT_ONCE = 500
A_FEW = 4
"""Beyond the places: what a worker that starts or grows this moment finds."""
CLAIMABLE = (Task.state == literal(State.QUEUED.value, literal_execute=True)) & Task.waits_until.is_(None)
UNPUBLISHED = CLAIMABLE & Task.published_at.is_(None)
log = logger(__name__)


def top_up(queues: Iterable[str] | None = None) -> int:
    """Send the wake-ups that are missing in these queues, or in all; returns how many, 0 where the broker is down."""
    try:
        return fill(wanted(queues))
    except BROKER_ERRORS as error:
        log.warning("broker.down", error=str(error))
        return 0


def publish_unpublished() -> int:
    """Tell the broker of tasks that it was not told of, oldest first, a bounded number; returns how many."""
    told = _note_published()
    if not told:
        return 0
    try:
        fill(wanted({queue for _, queue in told}))
    except BROKER_ERRORS as error:
        log.warning("broker.down", error=str(error))
        with writing() as session:
            _write(session, [number for number, _ in told], None)
        return 0
    return len(told)


def _note_published() -> list[tuple[int, str]]:
    """Write that the broker is told of them: before the messages go out, never after.

    A worker that is woken at once passes over a row that somebody is writing to, and would find nothing.
    """
    unpublished = select(Task.number, Task.queue).where(UNPUBLISHED).order_by(Task.number)
    with writing() as session:
        rows = session.execute(unpublished.limit(AT_ONCE).with_for_update(skip_locked=True)).all()
        _write(session, [row.number for row in rows], now())
    return [(row.number, row.queue) for row in rows]


def _write(session: Session, numbers: list[int], at: datetime | None) -> None:
    told = update(Task).where(Task.number.in_(numbers), Task.state == State.QUEUED).values(published_at=at)
    session.execute(told.execution_options(synchronize_session=False))


def wanted(queues: Iterable[str] | None) -> dict[str, list[str]]:
    """The tasks that each queue must hold a wake-up for: the first of those that wait there and may be claimed."""
    found: dict[str, list[str]] = {}
    with reading() as session:
        how = openings(session)
        names = how.among(session.scalars(_queues_with_tasks()) if queues is None else queues)
        if names:
            for row in session.execute(union_all(*(_heads(name, how.places[name] + A_FEW) for name in names))):
                found.setdefault(row.queue, []).append(row.id)
    return found


def _heads(queue: str, limit: int) -> Select[Any]:
    first = select(Task.queue, Task.id).where(CLAIMABLE, Task.queue == queue).order_by(Task.rank_at).limit(limit)
    return select(first.subquery())


def _queues_with_tasks() -> Select[tuple[str]]:
    """The queues in which tasks wait: one look into the index for each, all in one statement."""
    names = select(func.min(Task.queue).label("name")).where(CLAIMABLE).cte("names", recursive=True)
    after = select(func.min(Task.queue)).where(CLAIMABLE, Task.queue > names.c.name).scalar_subquery()
    names = names.union_all(select(after).where(names.c.name.is_not(None)))
    return select(names.c.name).where(names.c.name.is_not(None))
