"""Live streams: a task's timeline, and what happens in the whole installation, as Server-Sent Events.

The database is the truth: a stream looks there when a hint comes and at least every second, so it works
without Redis and misses nothing.  An event's SSE id is its number; a reader that comes back with it goes on
after it.  Hints and live output come through webapp/hearing.py; the wire's form is webapp/sse.py.
While a stream waits it holds no database connection.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.columns import id_at, now
from models.database import db
from models.errors import InvalidInput
from models.event import Event, events_after
from models.scope import Scope, acting, current
from webapp import sse
from webapp.hearing import Output, Subscription, hearing

LOOK_EVERY_S = 1.0
KEEP_ALIVE_S = 10.0
# Ids are made before the commit: a row may appear this much later than its id says.
LATE = timedelta(seconds=10)
ENDINGS = ("task.succeeded", "task.failed", "task.cancelled")

Message = Event | Output | None
"""What a stream yields; None says only that it is alive."""


@dataclass(frozen=True)
class _Place:
    """Where a stream reads: kept from the request, which is over when the stream runs."""

    engine: Engine
    scope: Scope

    def look(self, reader: "_Reader") -> list[Event]:
        # Around the look alone: a generator shares its thread's context with whoever iterates it.
        with acting(self.scope.author, self.scope.tenant or "default"), Session(self.engine) as session:
            found = reader.read(session)
            session.expunge_all()
        return found


class _Reader:
    def read(self, session: Session) -> list[Event]:
        raise NotImplementedError


@dataclass
class _Timeline(_Reader):
    """The events of one subject after a number."""

    subject_id: str
    number: int

    def read(self, session: Session) -> list[Event]:
        found = events_after(session, self.subject_id, self.number)
        self.number = found[-1].number if found else self.number
        return found


class _Everything(_Reader):
    """The events of all subjects that came after a time or an event's id."""

    def __init__(self, after: str | None) -> None:
        self.seen = {after} if after else set()
        self.since = after or id_at(now())

    def read(self, session: Session) -> list[Event]:
        recent = select(Event).where(Event.id >= self.since).order_by(Event.id).limit(1000)
        found = [event for event in session.scalars(recent) if event.id not in self.seen]
        self.seen.update(event.id for event in found)
        horizon = id_at(now() - LATE)
        if found and len(found) < 1000 or not found:
            self._forget(horizon)
        return found

    def _forget(self, horizon: str) -> None:
        if self.since < horizon:
            self.since = horizon
            self.seen = {each for each in self.seen if each >= horizon}
