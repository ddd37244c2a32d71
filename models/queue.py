"""What people have decided about a queue, and what its last canary found.  A queue without a row has no rule.

The row of `EVERY` stands for all queues: while it is paused nothing is claimed at all (the emergency stop).
Who asks: models/claim.py, in the claim itself.
"""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.columns import UtcTime, id_column
from models.database import Base
from models.scope import Owned

EVERY = "*"


class Queue(Owned, Base):
    """One row a queue that somebody paused or limited, or that a canary was sent to."""

    __tablename__ = "queue"

    id: Mapped[str] = id_column()
    name: Mapped[str] = mapped_column(String(120))
    """complexity.N, agent.NAME, capability.NAME, or `EVERY`."""
    paused_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """Nothing is claimed from it while this is set; running tasks go on."""
    paused_by: Mapped[str | None] = mapped_column(String(120))
    pause_reason: Mapped[str] = mapped_column(String(300), default="")
    max_running: Mapped[int | None]
    """How many of its tasks may run at the same time, on all hosts together; None: as many as there are workers."""
    canary_sent_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """When a wake-up was last sent only to see whether somebody takes it."""
    canary_taken_at: Mapped[datetime | None] = mapped_column(UtcTime)

    event_count: Mapped[int] = mapped_column(default=0)

    __table_args__ = (Index("uq_queue_name", "tenant", "name", unique=True),)
