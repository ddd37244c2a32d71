"""How much of a task's runs is not counted in its budget yet.  Who counts it: tasks/spending/budgets.py."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.budget import Budget
from models.columns import database_now, now, seconds_since
from models.run import Run


def wall_since(session: Session, budget: Budget, run_number: int) -> int:
    """Milliseconds of the task's runs, up to this one, that are not counted yet; nothing before its first call.

    The time between two runs is nobody's: a task that waits, rests or is tried again later spends none.
    """
    if budget.wall_at is None:
        return 0
    passed = session.scalar(select(seconds_since(Budget.wall_at)).where(Budget.id == budget.id)) or 0
    if budget.wall_run != run_number:
        # A host's clock that is ahead counts no more than there was.
        passed = min(passed, _worked_s(budget, _runs(session, budget, run_number)))
    return max(0, round(passed * 1000))


def counted_to_now(session: Session, budget_id: str, run_number: int) -> None:
    """Note that the time of the run is counted up to now."""
    noted = update(Budget).where(Budget.id == budget_id).values(wall_run=run_number, wall_at=database_now())
    session.execute(noted.execution_options(synchronize_session=False))


def _runs(session: Session, budget: Budget, last: int) -> Sequence[Any]:
    found = select(Run.number, Run.started_at, Run.ended_at).where(Run.task_id == budget.name)
    return session.execute(found.where(Run.number.between(budget.wall_run, last)).order_by(Run.number)).all()


def _worked_s(budget: Budget, runs: Sequence[Any]) -> float:
    worked = 0.0
    for run, following in zip_longest(runs, runs[1:]):
        began = (budget.wall_at if run.number == budget.wall_run else None) or run.started_at
        # A run that nobody closed was at work until the next one came, at most.
        ended = run.ended_at or (following.started_at if following else now())
        worked += max(0.0, (ended - began).total_seconds())
    return worked
