"""A task: what somebody asked for, the unit that people see.  Moves: models/states.py."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Index, Integer, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from models.columns import UtcTime, id_column, now
from models.database import Base
from models.plan import Plan
from models.scope import Owned
from models.states import FIRST, Stage, State


def _partial(name: str, *columns: str, where: str) -> Index:
    """An index of the few rows that a question is about: it does not grow with the table."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


# SQLite counts up only a column that is exactly INTEGER.
Number = BigInteger().with_variant(Integer(), "sqlite")
# Large columns stand behind all others: SQLite reads through a row's columns from the left.
LAST = 100


class Task(Owned, Base):
    """One row a task.

    Three counters tell three things apart: `attempts` (the tool or the plan failed), `losses`
    (workers that died since a step was last finished) and `run_number` (times claimed), which is also the fence:
    every write of a run names the number it was given.  `event_count` is the number of the newest event.
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
    plan_id: Mapped[str] = mapped_column(String(64))
    """The plan as it was when the task was submitted; later templates do not change it.  Bound by no constraint:
    SQLite cannot add one to a table that is there."""
    inputs: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, sort_order=LAST)
    limits: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, sort_order=LAST)
    """What the person allowed each of its steps at most, by the names of tools/limits.py."""
    retry: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, sort_order=LAST)
    """What the person said about trying a failed step again: `tasks/runs/retry.py`; empty: nothing."""
    question: Mapped[dict[str, Any] | None] = mapped_column(JSON, sort_order=LAST)
    """What a waiting task waits for a person to say: `tasks/control/questions.py`."""

    queue: Mapped[str] = mapped_column(String(120))
    """complexity.N, agent.NAME or capability.NAME."""
    agent: Mapped[str | None] = mapped_column(String(80))
    """Name of the agent that runs it or ran it last."""
    rank_at: Mapped[datetime] = mapped_column(UtcTime)
    """Submission or start time less a head start per level of priority; the lowest is claimed first."""
    waits_until: Mapped[datetime | None] = mapped_column(UtcTime)
    """Not claimed while this is set; the reconciler takes it away when the time has come, by the database's clock."""
    deadline_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """By the database's clock; a task that has not ended by then fails."""
    published_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """When the broker was last told of it; None is published by the reconciler, unless it waits for its time."""

    epoch: Mapped[int] = mapped_column(default=1)
    """Raised by a person's retry or replay; steps of earlier epochs are history."""
    run_number: Mapped[int] = mapped_column(default=0)
    run_writes: Mapped[int] = mapped_column(default=0)
    """Writes of this run so far: a run whose connection broke in a commit sees by it whether the commit stands."""
    attempts: Mapped[int] = mapped_column(default=0)
    losses: Mapped[int] = mapped_column(default=0)
    lease_expires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    cancel_requested_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """A wish to the run that has it: end the tool now, then cancelled."""
    stop_requested_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """A wish: end the tool now, then paused."""
    pause_requested_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """A wish: paused after the step that runs."""
    emergency_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """Since when an emergency stop holds it; the release resumes what has this, and nothing else."""

    event_count: Mapped[int] = mapped_column(default=0)
    steps_total: Mapped[int] = mapped_column(default=0)
    """What is planned; grows when a step repeats over a list."""
    steps_done: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(Text)

    submitted_at: Mapped[datetime] = mapped_column(UtcTime, default=now)
    started_at: Mapped[datetime | None] = mapped_column(UtcTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime)
    dead_letter_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """Since when it has failed for good and nobody has dealt with it; None once somebody has."""

    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    request_digest: Mapped[str | None] = mapped_column(String(64))
    parent_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    """The task that delegated it."""
    root_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    """The first task of its family, also in that one's own row; None where nobody delegated."""
    depth: Mapped[int] = mapped_column(default=0)
    """How often it was handed on."""
    cloned_from_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    schedule_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))

    plan: Mapped[Plan] = relationship(primaryjoin=lambda: foreign(Task.plan_id) == Plan.id)

    @property
    def wishes(self) -> list[str]:
        """What is wanted of the run that has it: "cancel", "stop", "pause"; nothing of a task that does not run."""
        asked = {
            "cancel": self.cancel_requested_at, "stop": self.stop_requested_at, "pause": self.pause_requested_at
        }  # fmt: skip
        return [name for name, at in asked.items() if at is not None] if self.state == State.RUNNING else []

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
        _partial("ix_task_claimable", "queue", "rank_at", where="state = 'queued' AND waits_until IS NULL"),
        _partial(
            "ix_task_unpublished", "number", where="state = 'queued' AND published_at IS NULL AND waits_until IS NULL"
        ),
        _partial("ix_task_due", "waits_until", where="waits_until IS NOT NULL"),
        _partial("ix_task_deadline", "deadline_at", where="deadline_at IS NOT NULL AND finished_at IS NULL"),
        _partial("ix_task_lease", "lease_expires_at", where="state = 'running'"),
        _partial("ix_task_running_queue", "queue", where="state = 'running'"),
        _partial("ix_task_running_agent", "agent", where="state = 'running'"),
        _partial("ix_task_waiting", "tenant", "number", where="state = 'waiting'"),
        _partial("ix_task_dead_letter", "tenant", "number", where="dead_letter_at IS NOT NULL"),
        _partial("ix_task_emergency", "tenant", "number", where="emergency_at IS NOT NULL"),
        _partial("ix_task_schedule", "schedule_id", "number", where="schedule_id IS NOT NULL"),
        _partial("ix_task_parent", "parent_id", "number", where="parent_id IS NOT NULL"),
        _partial("ix_task_root", "root_id", "number", where="root_id IS NOT NULL"),
        _partial("ix_task_living_child", "parent_id", where="parent_id IS NOT NULL AND finished_at IS NULL"),
        Index("ix_task_plan", "plan_id"),
        _partial("ix_task_finished", "tenant", "finished_at", where="finished_at IS NOT NULL"),
        # For retention, which deletes a family with its first task.
        _partial(
            "ix_task_ended", "tenant", "state", "finished_at", where="finished_at IS NOT NULL AND parent_id IS NULL"
        ),
        # A number that was used must not come back after the newest task was deleted.
        {"sqlite_autoincrement": True},
    )
