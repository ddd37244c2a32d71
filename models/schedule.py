"""A schedule: a task that is submitted again and again, or once, at times to come; a firing: one of these times.

Its next time stands in the row, so that looking for what is due is one look into an index.  A firing is unique
by schedule and time: whoever is second, in whichever process, submits nothing.  Who fires:
tasks/scheduling/schedules.py.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from models.columns import UtcTime, id_column, now
from models.database import Base
from models.scope import Owned


class Repeats(StrEnum):
    """How a schedule's times follow from its `rule`."""

    CRON = "cron"
    """Five fields, read in the schedule's time zone."""
    INTERVAL = "interval"
    """Seconds from one time to the next."""
    ONCE = "once"
    """One time, RFC 3339."""


class Missed(StrEnum):
    """What becomes of times that passed while nothing could fire (the installation was down)."""

    SKIP = "skip"
    ONE = "one"
    """One task for all of them."""
    ALL = "all"
    """A task for each, a bounded number."""


class Overlap(StrEnum):
    """What happens at a time when the task of the time before has not ended."""

    ALLOW = "allow"
    SKIP = "skip"
    REPLACE = "replace"
    """Cancel the one before."""


class Schedule(Owned, Base):
    """What to submit, and when."""

    __tablename__ = "schedule"

    id: Mapped[str] = id_column()
    name: Mapped[str] = mapped_column(String(80))
    order: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The fields of `tasks.orders.submission.Order`."""
    repeats: Mapped[Repeats] = mapped_column(String(20))
    rule: Mapped[str] = mapped_column(String(120))
    time_zone: Mapped[str] = mapped_column(String(60), default="UTC")
    """IANA name."""
    missed: Mapped[Missed] = mapped_column(String(20), default=Missed.ONE)
    overlap: Mapped[Overlap] = mapped_column(String(20), default=Overlap.SKIP)
    next_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """None when there is none: it ended, or it is paused."""
    last_at: Mapped[datetime | None] = mapped_column(UtcTime)
    paused_at: Mapped[datetime | None] = mapped_column(UtcTime)
    event_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=now)

    __table_args__ = (
        Index("uq_schedule_name", "tenant", "name", unique=True),
        Index(
            "ix_schedule_next",
            "next_at",
            sqlite_where=text("next_at IS NOT NULL"),
            postgresql_where=text("next_at IS NOT NULL"),
        ),
    )


class Outcome(StrEnum):
    """What a firing came to."""

    SUBMITTED = "submitted"
    MISSED = "missed"
    OVERLAPPED = "overlapped"
    REFUSED = "refused"
    """The order is wrong by now, such as a template that is gone; `reason` says why."""


class Firing(Owned, Base):
    """One time of a schedule that has come."""

    __tablename__ = "firing"

    id: Mapped[str] = id_column()
    schedule_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), ForeignKey("schedule.id", ondelete="CASCADE"))
    due_at: Mapped[datetime] = mapped_column(UtcTime)
    fired_at: Mapped[datetime] = mapped_column(UtcTime, default=now)
    outcome: Mapped[Outcome] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(300), default="")
    task_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))

    __table_args__ = (Index("uq_firing_due", "schedule_id", "due_at", unique=True),)
