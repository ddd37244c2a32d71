"""What people do with budgets: look how they stand, and set their limits.  Within `acting(…)`.

How they are kept: budgets.py.  A limit counts from the next call on; what is spent stays counted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import event, spending
from models.agent import Agent
from models.budget import Budget, BudgetKind
from models.database import reading, writing
from models.errors import InvalidInput, NotFound, Problem
from models.money import micro_dollars
from models.scope import DEFAULT_TENANT, current
from models.task import Task
from tasks.control.standing import locked as locked_task
from tasks.control.standing import written as written_of_task
from tasks.spending import budgets
from tasks.timeline import record_of_agent
from tools import quantities
from tools.quantities import Measure

MOST = {"tokens": 10**12, "calls": 1_000_000_000, "wall_s": 365 * 86400}
# A comma only between thousands: whoever writes 1,5 does not mean fifteen.
WHOLE = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,18}")
FIELDS = ("tokens", "cost", "calls", "wall_s")


@dataclass(frozen=True)
class Limit:
    """One limit and what counts against it; money in micro-dollars, time in milliseconds."""

    most: int | None
    used: int
    reserved: int

    @property
    def left(self) -> int | None:
        """What may still be reserved; None without a limit."""
        return None if self.most is None else max(0, self.most - self.used - self.reserved)


@dataclass(frozen=True)
class Standing:
    """How a budget stands; one that nobody used or limited stands at nothing."""

    kind: BudgetKind
    name: str
    day: str | None
    """The day (UTC) that it counts; None for ever."""
    tokens: Limit
    cost: Limit
    calls: Limit
    wall_ms: Limit


def show(kind: BudgetKind, name: str = "") -> Standing:
    """How the budget stands.

    Raises:
        NotFound: there is no such task or agent, or the task has no budget, since no model works on it.
    """
    with reading() as session:
        day = budgets.today(session)
        _must_be_there(session, kind, name)
        found = session.scalars(_named(kind, name)).one_or_none()
        if found is None:
            if kind is BudgetKind.TASK:
                raise _without(name)
            return _standing(_unused(kind, name), day)
        return _standing(found, day)


def of_agents(session: Session, names: Sequence[str]) -> list[Standing]:
    """How the budgets of these agents stand, in the same order."""
    day = budgets.today(session)
    mine = select(Budget).where(Budget.kind == BudgetKind.AGENT, Budget.name.in_(names))
    found = {each.name: each for each in session.scalars(mine)}
    return [_standing(found.get(name) or _unused(BudgetKind.AGENT, name), day) for name in names]


def set_limits(kind: BudgetKind, name: str, changes: Mapping[str, Any]) -> Standing:
    """Set these limits as people write them: `tokens` and `calls` as numbers, `cost` in dollars, `wall_s` as a time.

    None or "" lifts one; those that are not named stay.

    Raises:
        InvalidInput: its `problems` name every field that is wrong.
        NotFound: as for `show`.
    """
    values = read(changes)
    with writing() as session:
        _must_be_there(session, kind, name)
        task = locked_task(session, name) if kind is BudgetKind.TASK else None
        before = _ours(session, kind, name)
        told = {"before": _limits(before), "after": {**_limits(before), **values}}
        changed = update(Budget).where(Budget.id == before.id)
        changed = changed.values(event_count=Budget.event_count + 1, **values).returning(Budget)
        options = {"synchronize_session": False, "populate_existing": True}
        after = session.scalars(changed.execution_options(**options)).one()
        about = {"budget": str(kind), "name": name, **told}
        event.record(session, "budget", after.id, after.event_count, "budget.changed", after.tenant, **about)
        if task is not None:
            written_of_task(session, task, "budget.changed", about)
        if kind is BudgetKind.AGENT:
            _tell_agent(session, name, about)
        return _standing(after, budgets.today(session))


def read(changes: Mapping[str, Any]) -> dict[str, int | None]:
    """The limits as columns.

    Raises:
        InvalidInput: its `problems` name every field that is wrong.
    """
    found: list[Problem] = []
    values: dict[str, int | None] = {}
    for name, given in changes.items():
        try:
            values["max_wall_ms" if name == "wall_s" else f"max_{name}"] = _read(name, given)
        except ValueError as error:
            found.append(Problem(path=name, line=None, message=str(error)))
    if found:
        raise InvalidInput("cannot set this budget", problems=found)
    return values


def _read(name: str, given: Any) -> int | None:
    if name not in FIELDS:
        raise ValueError(f"there is no such limit; there are {', '.join(FIELDS)}")
    if given is None or given == "":
        return None
    if name == "cost":
        return micro_dollars(given)
    if name == "wall_s":
        return round(_bounded(name, quantities.read(given, Measure.SECONDS)) * 1000)
    whole = int(given) if isinstance(given, float) and given.is_integer() else given
    if isinstance(given, bool) or not WHOLE.fullmatch(text := str(whole).strip()):
        raise ValueError("write a whole number, 0 for nothing at all")
    return int(_bounded(name, int(text.replace(",", ""))))


def _bounded(name: str, number: float) -> float:
    if not 0 <= number <= MOST[name]:
        raise ValueError(f"must be {MOST[name]:,} at most")
    return number


def _unused(kind: BudgetKind, name: str) -> Budget:
    return Budget(kind=kind, name=name, **_NOTHING)


def _ours(session: Session, kind: BudgetKind, name: str) -> Budget:
    if kind is not BudgetKind.TASK:
        return budgets.of_day(session, kind, name, current().tenant or DEFAULT_TENANT)
    found = session.scalars(_named(kind, name)).one_or_none()
    if found is None:
        raise _without(name)
    return found


def _named(kind: BudgetKind, name: str) -> Any:
    return select(Budget).where(Budget.kind == kind, Budget.name == name)


def _must_be_there(session: Session, kind: BudgetKind, name: str) -> None:
    if kind is BudgetKind.AGENT and session.scalar(select(Agent.id).where(Agent.name == name)) is None:
        raise NotFound("cannot find the agent", agent=name)
    if kind is BudgetKind.TASK and session.scalar(select(Task.number).where(Task.id == name)) is None:
        raise NotFound("cannot find the task: there is none with this id", task_id=name)


def _tell_agent(session: Session, name: str, about: dict[str, Any]) -> None:
    agent_id = session.scalar(select(Agent.id).where(Agent.name == name))
    if agent_id is not None:
        record_of_agent(session, agent_id, "budget.changed", **about)


def _limits(budget: Budget) -> dict[str, int | None]:
    return {f"max_{name}": getattr(budget, f"max_{name}") for name in spending.LIMITS}


def _standing(budget: Budget, day: str) -> Standing:
    is_over = budget.period is not None and budget.period < day
    taken = dict.fromkeys(_NOTHING, 0) if is_over else {name: getattr(budget, name) for name in _NOTHING}
    limits = {
        name: Limit(getattr(budget, f"max_{name}"), taken[f"used_{name}"], taken.get(f"reserved_{name}", 0))
        for name in spending.LIMITS
    }
    is_of_day = budget.kind != BudgetKind.TASK
    return Standing(kind=BudgetKind(budget.kind), name=budget.name, day=day if is_of_day else None, **limits)


def _without(task_id: str) -> NotFound:
    return NotFound("cannot find the budget: no model works on this task", task_id=task_id)


_NOTHING = dict.fromkeys(
    (*(f"used_{name}" for name in spending.LIMITS), "reserved_tokens", "reserved_cost", "reserved_calls"), 0
)
