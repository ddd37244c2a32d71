"""A task: what somebody asked for, the unit that people see.  Moves: models/states.py."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Index, Integer, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from models.columns import UtcTime, id_column, now
from models.database import Base
from models.scope import Owned
from models.states import FIRST, Stage, State

# SQLite counts up only a column that is exactly INTEGER.
Number = BigInteger().with_variant(Integer(), "sqlite")
# Large columns stand behind all others: SQLite reads through a row's columns from the left.
LAST = 100


class Task(Owned, Base):
    """One row a task.

    Three counters tell three things apart: `attempts` (the tool or the plan failed), `losses`
    (a worker died) and `run_number` (times claimed), which is also the fence: every write of a
    run names the number it was given.  `event_count` is the number of the newest event.
    """

    __tablename__ = "task"

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    """Order of arrival; lists are read along it.  Never shown: `id` is the public name."""
    id: Mapped[str] = id_column(primary_key=False)
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="", sort_order=LAST)
    complexity: Mapped[int]
    priority: Mapped[int] = mapped_column(default=4)
    """0-9, higher is sooner."""
    stage: Mapped[Stage] = mapped_column(String(20), default=Stage.DESIGN)
    state: Mapped[State] = mapped_column(String(20), default=FIRST)

    template: Mapped[str | None] = mapped_column(String(80))
    """Slug of the template, or None for a playbook of the person's own."""
    template_version: Mapped[str | None] = mapped_column(String(40))
    playbook: Mapped[dict[str, Any]] = mapped_column(JSON, sort_order=LAST)
    """The plan as it was when the task was submitted, files included; later templates do not change it."""
    inputs: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, sort_order=LAST)
    limits: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, sort_order=LAST)
    """What the person allowed each of its steps at most, by the names of tools/limits.py."""

    queue: Mapped[str] = mapped_column(String(120))
    """complexity.N, agent.NAME or capability.NAME."""
    agent: Mapped[str | None] = mapped_column(String(80))
    """Name of the agent that runs it or ran it last."""
    rank_at: Mapped[datetime] = mapped_column(UtcTime)
    """Submission less a head start per level of priority; the lowest is claimed first."""
    available_at: Mapped[datetime] = mapped_column(UtcTime, default=now)
    """Not claimed before this time."""
    deadline_at: Mapped[datetime | None] = mapped_column(UtcTime)
    published_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """When the broker was last told of it; None is published by the reconciler."""

    epoch: Mapped[int] = mapped_column(default=1)
    """Raised by a person's retry or replay; steps of earlier epochs are history."""
    run_number: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    losses: Mapped[int] = mapped_column(default=0)
    lease_expires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    cancel_requested_at: Mapped[datetime | None] = mapped_column(UtcTime)
    pause_requested_at: Mapped[datetime | None] = mapped_column(UtcTime)

    event_count: Mapped[int] = mapped_column(default=0)
    steps_total: Mapped[int] = mapped_column(default=0)
    """What is planned; grows when a step repeats over a list."""
    steps_done: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(Text)

    submitted_at: Mapped[datetime] = mapped_column(UtcTime, default=now)
    started_at: Mapped[datetime | None] = mapped_column(UtcTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime)

    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    request_digest: Mapped[str | None] = mapped_column(String(64))
    parent_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))

    __table_args__ = (
        CheckConstraint("complexity BETWEEN 1 AND 10", name="complexity_range"),
        CheckConstraint("priority BETWEEN 0 AND 9", name="priority_range"),
        Index("uq_task_id", "id", unique=True),
        Index("uq_task_idempotency", "tenant", "idempotency_key", unique=True),
        # The lists of models/task_list.py, one index for each set of filters; a list without a complexity
        # merges those of all ten, which spares the indexes without it.
        Index("ix_task_tenant_number", "tenant", "number"),
        Index("ix_task_tenant_complexity", "tenant", "complexity", "number"),
        Index("ix_task_tenant_state", "tenant", "state", "complexity", "number"),
        Index("ix_task_tenant_agent", "tenant", "agent", "complexity", "number"),
        Index("ix_task_tenant_state_agent", "tenant", "state", "agent", "complexity", "number"),
        Index(
            "ix_task_claimable",
            "queue",
            "rank_at",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        Index(
            "ix_task_unpublished",
            "number",
            sqlite_where=text("state = 'queued' AND published_at IS NULL"),
            postgresql_where=text("state = 'queued' AND published_at IS NULL"),
        ),
        Index(
            "ix_task_finished",
            "tenant",
            "finished_at",
            sqlite_where=text("finished_at IS NOT NULL"),
            postgresql_where=text("finished_at IS NOT NULL"),
        ),
        # A number that was used must not come back after the newest task was deleted.
        {"sqlite_autoincrement": True},
    )
