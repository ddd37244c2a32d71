"""What was spent on model calls, summed for people: by day, agent, task, model.

What counts is what the budgets count: a call that was not settled counts at what was reserved for it.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, case, cast, func, literal_column, select
from sqlalchemy.orm import Session

from models.budget import Spend, SpendState
from models.columns import database_now, day_of


class SpendBy(StrEnum):
    """What sums are made by."""

    DAY = "day"
    AGENT = "agent"
    TASK = "task"
    MODEL = "model"


@dataclass(frozen=True)
class Spent:
    """What some calls came to; money in micro-dollars."""

    name: str
    """The day (UTC), agent, task or model; empty in a total."""
    calls: int
    tokens: int
    input_tokens: int
    """Of calls that were settled; so the next."""
    output_tokens: int
    cost: int
    unpriced: int
    """Calls whose price nobody knows: their cost is not in `cost`."""
    lost: int
    """Calls that count in full since nobody knows what became of them."""
    open: int
    """Calls that run."""


@dataclass(frozen=True)
class Filters:
    """Which calls are meant; None for all."""

    days: int = 30
    agent: str | None = None
    task_id: str | None = None
    agents: Collection[str] | None = None
    """Any of these."""


def by(session: Session, what: SpendBy, filters: Filters, limit: int = 100) -> list[Spent]:
    """The sums, newest day first, else the dearest first."""
    name = _NAMES[what]()
    found = _sums(name).where(*_conditions(filters)).group_by(name)
    order = (name.desc(),) if what is SpendBy.DAY else (_COST.desc(), _TOKENS.desc(), name)
    rows = [_read(row) for row in session.execute(found.order_by(*order).limit(limit))]
    # The databases write an id as text in two ways.
    return [replace(each, name=str(UUID(each.name))) if what is SpendBy.TASK else each for each in rows]


def total(session: Session, filters: Filters) -> Spent:
    """The sum of all."""
    return _read(session.execute(_sums(literal_column("''")).where(*_conditions(filters))).one())


def _read(row: Any) -> Spent:
    # PostgreSQL sums whole numbers to decimals.
    return Spent(row[0], *map(int, row[1:]))


_NAMES: dict[SpendBy, Any] = {
    SpendBy.DAY: lambda: day_of(Spend.at),
    SpendBy.AGENT: lambda: Spend.agent,
    SpendBy.TASK: lambda: cast(Spend.task_id, String),
    SpendBy.MODEL: lambda: Spend.model,
}
_IS_SETTLED = Spend.state == SpendState.SETTLED


def _sum(column: Any) -> ColumnElement[int]:
    return func.coalesce(func.sum(column), 0)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return _sum(case((condition, 1), else_=0))


_PRICE = case((_IS_SETTLED, Spend.cost), else_=Spend.reserved_cost)
_TOKENS = _sum(case((_IS_SETTLED, Spend.input_tokens + Spend.output_tokens), else_=Spend.reserved_tokens))
_COST = _sum(_PRICE)


def _sums(name: Any) -> Any:
    return select(
        name,
        func.count(Spend.id),
        _TOKENS,
        _sum(Spend.input_tokens),
        _sum(Spend.output_tokens),
        _COST,
        _count(_PRICE.is_(None)),
        _count(Spend.state == SpendState.LOST),
        _count(Spend.state == SpendState.RESERVED),
    )


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    found = [Spend.at > database_now(-timedelta(days=filters.days))]
    if filters.agent is not None:
        found.append(Spend.agent == filters.agent)
    if filters.agents is not None:
        found.append(Spend.agent.in_(filters.agents))
    if filters.task_id is not None:
        found.append(Spend.task_id == filters.task_id)
    return found
