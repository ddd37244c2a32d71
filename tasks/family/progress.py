"""How a family stands as a whole: how many of its tasks have ended, their steps, and what their models were paid."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from models.budget import Spend, SpendState
from models.states import TERMINAL, State
from models.task import Task


@dataclass(frozen=True)
class Progress:
    """Sums over all tasks of a family; money in micro-dollars."""

    tasks: int
    ended: int
    states: Mapping[str, int]
    """How many are in each state that occurs, in the states' order."""
    steps_done: int
    steps_total: int
    calls: int
    """Of models."""
    tokens: int
    cost: int
    unpriced: int
    """Calls whose price nobody knows: their cost is not in `cost`."""


def progress(session: Session, tasks: Sequence[Task]) -> Progress:
    """Of these tasks; what counts as spent is what the budgets count."""
    counts = Counter(str(task.state) for task in tasks)
    settled = Spend.state == SpendState.SETTLED
    price = case((settled, Spend.cost), else_=Spend.reserved_cost)
    used = case((settled, Spend.input_tokens + Spend.output_tokens), else_=Spend.reserved_tokens)
    mine = select(
        func.count(Spend.id),
        func.coalesce(func.sum(used), 0),
        func.coalesce(func.sum(price), 0),
        func.coalesce(func.sum(case((price.is_(None), 1), else_=0)), 0),
    ).where(Spend.task_id.in_([task.id for task in tasks]))
    calls, tokens, cost, unpriced = session.execute(mine).one()
    return Progress(
        tasks=len(tasks),
        ended=sum(counts[state] for state in TERMINAL),
        states={state.value: counts[state] for state in State if counts[state]},
        steps_done=sum(task.steps_done for task in tasks),
        steps_total=sum(task.steps_total for task in tasks),
        calls=calls,
        tokens=int(tokens),
        cost=int(cost),
        unpriced=int(unpriced),
    )
