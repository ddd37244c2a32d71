"""What may be spent on model calls, and what was: reserved before a call, settled after it.

A call counts in every budget that it is under, all in one transaction.  A reservation whose run died is spent at
its full amount until something proves less: a budget fails closed.  Who reserves: tasks/spending/budgets.py.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from models.columns import UtcTime, database_now, id_column, now
from models.database import Base
from models.scope import Owned


class BudgetKind(StrEnum):
    """What a budget is for."""

    TASK = "task"
    """`name` is the task's id; a child's counts in its parent's too."""
    AGENT = "agent"
    """All tasks of the agent of that name, a day."""
    DAY = "day"
    """All tasks together, a day; `name` is empty."""


class Budget(Owned, Base):
    """Limits, None for none, and what counts against them; money in micro-dollars."""

    __tablename__ = "budget"

    id: Mapped[str] = id_column()
    kind: Mapped[BudgetKind] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(120), default="")
    parent_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    """The budget of the task that delegated: what counts here counts there."""
    period: Mapped[str | None] = mapped_column(String(10))
    """The day (UTC, by the database's clock) that the numbers are of; None: for ever."""
    max_tokens: Mapped[int | None] = mapped_column(BigInteger)
    max_cost: Mapped[int | None] = mapped_column(BigInteger)
    max_calls: Mapped[int | None] = mapped_column(BigInteger)
    max_wall_ms: Mapped[int | None] = mapped_column(BigInteger)
    used_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    used_cost: Mapped[int] = mapped_column(BigInteger, default=0)
    used_calls: Mapped[int] = mapped_column(BigInteger, default=0)
    used_wall_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    reserved_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    reserved_cost: Mapped[int] = mapped_column(BigInteger, default=0)
    reserved_calls: Mapped[int] = mapped_column(BigInteger, default=0)
    wall_run: Mapped[int] = mapped_column(default=0)
    """Of a task: the run whose time is counted up to `wall_at`."""
    wall_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """By the database's clock."""
    event_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=now)

    __table_args__ = (
        Index("uq_budget_name", "tenant", "kind", "name", unique=True),
        Index("ix_budget_parent", "parent_id"),
    )


class SpendState(StrEnum):
    """Where a reservation stands."""

    RESERVED = "reserved"
    SETTLED = "settled"
    LOST = "lost"
    """Its run ended in the middle of the call: it stays spent at what was reserved."""


class Spend(Owned, Base):
    """One model call against its budgets."""

    __tablename__ = "spend"

    id: Mapped[str] = id_column()
    task_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    """Bound by no constraint: what was spent stays when the task is deleted."""
    agent: Mapped[str] = mapped_column(String(80))
    key: Mapped[str] = mapped_column(String(160))
    epoch: Mapped[int]
    run_number: Mapped[int]
    model: Mapped[str] = mapped_column(String(300))
    """`provider/model`."""
    budgets: Mapped[list[Any]] = mapped_column(JSON, default=list)
    """Those that it counts in, in the order of their ids: `[id, period]`."""
    state: Mapped[SpendState] = mapped_column(String(20), default=SpendState.RESERVED)
    estimated_tokens: Mapped[int] = mapped_column(BigInteger)
    """What the question was thought to have at most, before it was sent."""
    answer_tokens: Mapped[int] = mapped_column(BigInteger)
    """What the answer was asked to have at most; the model may allow another number by now."""
    reserved_tokens: Mapped[int] = mapped_column(BigInteger)
    reserved_cost: Mapped[int | None] = mapped_column(BigInteger)
    """None where the price is unknown."""
    input_tokens: Mapped[int | None] = mapped_column(BigInteger)
    output_tokens: Mapped[int | None] = mapped_column(BigInteger)
    cost: Mapped[int | None] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(UtcTime, default=database_now())
    settled_at: Mapped[datetime | None] = mapped_column(UtcTime)

    __table_args__ = (
        Index("ix_spend_task", "task_id", "at"),
        Index("ix_spend_agent", "tenant", "agent", "at"),
        Index("ix_spend_at", "tenant", "at"),
        Index("ix_spend_model", "tenant", "model", "at"),
        Index(
            "ix_spend_reserved",
            "task_id",
            sqlite_where=text("state = 'reserved'"),
            postgresql_where=text("state = 'reserved'"),
        ),
    )
