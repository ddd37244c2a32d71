"""An event: one line of a timeline, append-only, numbered per subject without gaps.

The number comes from a counter on the subject's row, raised in the same transaction: a late
commit is never skipped by a reader that goes on from the number it saw last.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, Index, String, TextClause, Uuid, bindparam, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.columns import UtcTime, id_column, new_id, now
from models.database import Base, together
from models.scope import Owned, current


class Event(Owned, Base):
    """What happened to a task or an agent; `kind` is `noun.verb`, e.g. `step.finished`."""

    __tablename__ = "event"

    id: Mapped[str] = id_column()
    subject_kind: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(String(60))
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    at: Mapped[datetime] = mapped_column(UtcTime, default=now)

    __table_args__ = (Index("uq_event_subject_number", "subject_id", "number", unique=True),)


def record(
    session: Session, subject_kind: str, subject_id: str, number: int, kind: str, tenant: str, **data: Any
) -> None:
    """Add the event that the counter on the subject's row was just raised for."""
    session.add(
        Event(
            subject_kind=subject_kind,
            subject_id=subject_id,
            number=number,
            kind=kind,
            tenant=tenant,
            data=data,
        )
    )


def line(task_id: str, tenant: str, number: int, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """A line of a task's timeline, for `write`; by whoever acts."""
    return {
        "id": new_id(),
        "tenant": tenant,
        "author": current().author,
        "subject_kind": "task",
        "subject_id": task_id,
        "number": number,
        "kind": kind,
        "data": dict(data),
        "at": now(),
    }


def write(session: Session, lines: list[dict[str, Any]]) -> None:
    """Add these events, with the numbers that the counter was just raised by."""
    if lines:
        together(
            session, _inserting(len(lines)), [{f"{k}_{n}": v for n, row in enumerate(lines) for k, v in row.items()}]
        )


@lru_cache(maxsize=64)
def _inserting(count: int) -> TextClause:
    """One statement for so many lines: PostgreSQL would get as many as there are lines.

    In words, since SQLAlchemy compiles an insert of several rows anew each time.
    """
    columns = Event.__table__.columns
    rows = ", ".join(f"({', '.join(f':{each.name}_{n}' for each in columns)})" for n in range(count))
    typed = [bindparam(f"{each.name}_{n}", type_=each.type) for each in columns for n in range(count)]
    return text(f"INSERT INTO event ({', '.join(columns.keys())}) VALUES {rows}").bindparams(*typed)  # noqa: S608  (names of columns)


def events_after(session: Session, subject_id: str, number: int, limit: int = 500) -> list[Event]:
    """The subject's events with higher numbers, in order, `limit` at most."""
    found = select(Event).where(Event.subject_id == subject_id, Event.number > number)
    return list(session.scalars(found.order_by(Event.number).limit(limit)))
