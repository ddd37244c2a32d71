"""Live streams: a task's timeline, and what happens in the whole installation, as Server-Sent Events.

The database is the truth: a stream looks there when a hint comes and at least every second, so it works
without Redis and misses nothing.  An event's SSE id is its number; a reader that comes back with it goes on
after it.  Hints and live output come through webapp/hearing.py; the wire's form is webapp/sse.py.
While a stream waits it holds no database connection.  Why: docs/decisions/0022-streams-read-the-database.md.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.columns import now
from models.database import db
from models.errors import InvalidInput, Problem
from models.event import Event, events_after
from models.scope import acting, current
from webapp.hearing import Output, hearing

LOOK_EVERY_S = 1.0
KEEP_ALIVE_S = 10.0
# Ids are made before the commit: a row may appear this much later than its id says.
LATE = timedelta(seconds=5)
AT_ONCE = 500

Message = Event | Output | None
"""What a stream yields; None says only that it is alive."""
Reader = Callable[[Session], list[Event]]


def timeline(subject_id: str, after: int = 0) -> Iterator[Message]:
    """The subject's events with numbers above `after`, in order and without a gap, and its live output.

    Waits for more until this process is told to stop.  Call it within a request: what it needs of it is kept.
    """
    number = after

    def read(session: Session) -> list[Event]:
        nonlocal number
        found = events_after(session, subject_id, number, AT_ONCE)
        number = found[-1].number if found else number
        return found

    return _live(subject_id, read)


def everything(after: str | None = None) -> Iterator[Message]:
    """The events of every task and agent from now on, or from shortly before the event with the id `after`.

    Late commits are not missed; after a reconnect some events may come a second time, with the same id.

    Raises:
        InvalidInput: `after` is no event's id.
    """
    since = _first_id(_time_of(after) - LATE if after else now())
    seen: set[str] = set()

    def read(session: Session) -> list[Event]:
        nonlocal since, seen
        horizon = _first_id(now() - LATE)
        ids = session.scalars(select(Event.id).where(Event.id >= since).order_by(Event.id)).all()
        new = [each for each in ids if each not in seen][:AT_ONCE]
        seen.update(new)
        if len(new) < AT_ONCE and since < horizon:
            since, seen = horizon, {each for each in seen if each >= horizon}
        return list(session.scalars(select(Event).where(Event.id.in_(new)).order_by(Event.id))) if new else []

    return _live(None, read)


def _live(subject_id: str | None, read: Reader) -> Iterator[Message]:
    engine, scope = db.engine, current()

    def look() -> list[Event]:
        # Around the look alone: a generator shares the context of whoever iterates it.
        with acting(scope.author, str(scope.tenant)), Session(engine) as session:
            return read(session)

    def messages() -> Iterator[Message]:
        # Listen before the first look, or what happens between the two would wait for a second.
        with hearing().subscribe(subject_id) as ear:
            yield None
            spoke_at, looked_at = time.monotonic(), 0.0
            while not ear.is_over:
                found: list[Event | Output] = []
                if ear.take_hint() or time.monotonic() - looked_at >= LOOK_EVERY_S:
                    looked_at = time.monotonic()
                    found += look()
                found += ear.take_output()
                yield from found
                if found:
                    spoke_at = time.monotonic()
                elif time.monotonic() - spoke_at > KEEP_ALIVE_S:
                    yield None
                    spoke_at = time.monotonic()
                else:
                    ear.wait(LOOK_EVERY_S)

    return messages()


def _time_of(event_id: str) -> datetime:
    try:
        return datetime.fromtimestamp((UUID(event_id).int >> 80) / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        problem = Problem(path="Last-Event-ID", message="is no event's id; leave it out to begin with what is new")
        raise InvalidInput("cannot go on after this event", problems=[problem]) from error


def _first_id(at: datetime) -> str:
    """The least UUIDv7 of that time."""
    return str(UUID(int=max(0, int(at.timestamp() * 1000)) << 80 | 7 << 76))
