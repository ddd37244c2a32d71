"""The statements that count against a budget: each compares and writes at once, so no two callers pass one limit.

Who decides what is counted, and in which budgets: tasks/spending/budgets.py.  Of time: wall_time.py.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, or_, select, update
from sqlalchemy.orm import Session, aliased

from models.budget import Budget, BudgetKind, Spend, SpendState
from models.columns import database_now

LIMITS = ("tokens", "cost", "calls", "wall_ms")
"""Each with a column `max_…` and a column `used_…`; all but the last with a `reserved_…`."""


@dataclass(frozen=True)
class Need:
    """What one call may come to, and how much of the run's time is to be counted before it."""

    tokens: int
    cost: int
    wall_ms: int = 0
    calls: int = 1


def chain(session: Session, task_id: str) -> list[Budget]:
    """The task's own budget, then those of the tasks that it was delegated by, nearest first."""
    own = select(Budget.id, Budget.parent_id).where(Budget.kind == BudgetKind.TASK, Budget.name == task_id)
    line = own.cte("line", recursive=True)
    above = aliased(Budget)
    line = line.union(select(above.id, above.parent_id).join(line, above.id == line.c.parent_id))
    found = {each.id: each for each in session.scalars(select(Budget).join(line, Budget.id == line.c.id))}
    at = next((each for each in found.values() if each.kind == BudgetKind.TASK and each.name == task_id), None)
    ordered = []
    while at is not None:
        ordered.append(at)
        at = found.get(at.parent_id or "")
    return ordered


def own(session: Session, task_id: str) -> Budget | None:
    """The task's own budget."""
    mine = select(Budget).where(Budget.kind == BudgetKind.TASK, Budget.name == task_id)
    return session.scalars(mine).one_or_none()


def take(session: Session, budget_id: str, need: Need, today: str) -> str | None:
    """Reserve in the budget; gives the day that it counts for, or None in a budget for ever.

    Raises:
        LookupError: it has no room, and nothing was written.
    """
    room = [Budget.id == budget_id]
    for name in ("tokens", "cost", "calls"):
        most, counted = getattr(Budget, f"max_{name}"), _kept(f"used_{name}", today) + _kept(f"reserved_{name}", today)
        room.append(or_(most.is_(None), counted + getattr(need, name) <= most))
    room.append(or_(Budget.max_wall_ms.is_(None), _kept("used_wall_ms", today) + need.wall_ms < Budget.max_wall_ms))
    values: dict[str, Any] = {f"used_{name}": _kept(f"used_{name}", today) for name in ("tokens", "cost", "calls")}
    values |= {
        f"reserved_{name}": _kept(f"reserved_{name}", today) + getattr(need, name)
        for name in ("tokens", "cost", "calls")
    }
    values["used_wall_ms"] = _kept("used_wall_ms", today) + need.wall_ms
    # A day that began while this one waited stays: periods only go forward.
    values["period"] = case((Budget.period < today, today), else_=Budget.period)
    taken = update(Budget).where(*room).values(values).returning(Budget.period)
    row = session.execute(taken.execution_options(synchronize_session=False)).one_or_none()
    if row is None:
        raise LookupError(budget_id)
    return row.period


def close_settled(session: Session, spend_id: str, tokens: tuple[int, int], cost: int | None, wall_ms: int) -> bool:
    """Count what the call used in place of what was reserved; False where it is not reserved any more."""
    values = {"input_tokens": tokens[0], "output_tokens": tokens[1], "cost": cost, "state": SpendState.SETTLED}
    row = _close(session, spend_id, values, ())
    if row is not None:
        _put_back(session, row, Need(sum(tokens), cost or 0, wall_ms))
    return row is not None


def close_lost(session: Session, spend_id: str, wall_ms: int, *still: ColumnElement[bool]) -> bool:
    """Count all that was reserved as used; False where it is not reserved any more, or does not hold `still`."""
    row = _close(session, spend_id, {"cost": Spend.reserved_cost, "state": SpendState.LOST}, still)
    if row is not None:
        _put_back(session, row, Need(row.reserved_tokens, row.reserved_cost or 0, wall_ms))
    return row is not None


def _close(session: Session, spend_id: str, values: dict[str, Any], still: tuple[ColumnElement[bool], ...]) -> Any:
    open_one = update(Spend).where(Spend.id == spend_id, Spend.state == SpendState.RESERVED, *still)
    closed = open_one.values(settled_at=database_now(), **values)
    closed = closed.returning(Spend.budgets, Spend.reserved_tokens, Spend.reserved_cost)
    return session.execute(closed.execution_options(synchronize_session=False)).one_or_none()


def _put_back(session: Session, spend: Any, used: Need) -> None:
    """Count in each of the call's budgets; nothing where one counts another day by now."""
    for budget_id, period in spend.budgets:
        same = Budget.period.is_(None) if period is None else Budget.period == period
        values = {
            "used_tokens": Budget.used_tokens + used.tokens,
            "used_cost": Budget.used_cost + used.cost,
            "used_calls": Budget.used_calls + used.calls,
            "used_wall_ms": Budget.used_wall_ms + used.wall_ms,
            "reserved_tokens": Budget.reserved_tokens - spend.reserved_tokens,
            "reserved_cost": Budget.reserved_cost - (spend.reserved_cost or 0),
            "reserved_calls": Budget.reserved_calls - 1,
        }
        changed = update(Budget).where(Budget.id == budget_id, same).values(values)
        session.execute(changed.execution_options(synchronize_session=False))


def standing(budget: Budget, today: str) -> dict[str, int]:
    """What counts in the budget today, reserved included, by the names of `LIMITS`."""
    if budget.period is not None and budget.period < today:
        return dict.fromkeys(LIMITS, 0)
    return {name: getattr(budget, f"used_{name}") + getattr(budget, f"reserved_{name}", 0) for name in LIMITS}


def lacking(budget: Budget, need: Need, today: str) -> str | None:
    """The first of the limits that the need does not fit into."""
    taken = standing(budget, today)
    for name in LIMITS:
        most = getattr(budget, f"max_{name}")
        over = 1 if name == "wall_ms" else 0
        if most is not None and taken[name] + getattr(need, name) + over > most:
            return name
    return None


def day_of(at: datetime) -> str:
    """The day of a budget's period."""
    return f"{at:%Y-%m-%d}"


def _kept(name: str, today: str) -> ColumnElement[int]:
    """The column's number, as of today: what is of an earlier day is over."""
    column: ColumnElement[int] = getattr(Budget, name)
    return case((Budget.period < today, 0), else_=column)
