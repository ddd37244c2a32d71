"""Calls that nobody waits for any more: what they had reserved stays spent, since nobody can prove that none was made.

By the next run of the task (budgets.py) and by the reconciler.  A call that may still be answered is left alone:
its run has the task.
"""

from sqlalchemy import ColumnElement, exists, literal, select
from sqlalchemy.orm import Session

import settings
from models import spending
from models.budget import Spend, SpendState
from models.claim import Claim
from models.columns import seconds_since
from models.database import reading, writing
from models.states import State
from models.task import Task

AT_ONCE = 200
# Part of the statement's text: SQLite finds the index of the open ones, which are few, by nothing else.
OPEN = Spend.state == literal(SpendState.RESERVED.value, literal_execute=True)


def lose_left(claim: Claim) -> int:
    """Count as spent what this run's earlier calls, and earlier runs, left reserved; gives how many calls these were.

    A run makes one call after the other: before the next one whatever is open is of a call that is over.
    """
    return _lose_all(Spend.task_id == claim.task_id, Spend.run_number <= claim.run_number)


def lose_dead() -> int:
    """The same for every task that no run has any more.  Runs in the wide scope."""
    at_work = exists().where(Task.id == Spend.task_id, Task.run_number == Spend.run_number, _RUNNING)
    return _lose_all(~at_work)


def _lose_all(*which: ColumnElement[bool]) -> int:
    with reading() as session:
        found = list(session.scalars(select(Spend.id).where(OPEN, *which).limit(AT_ONCE)))
    return sum(_lose(each, *which) for each in found)


def _lose(spend_id: str, *still: ColumnElement[bool]) -> bool:
    with writing() as session:
        return spending.close_lost(session, spend_id, _wall_ms(session, spend_id), *still)


def _wall_ms(session: Session, spend_id: str) -> int:
    """How long the call may have lasted; no longer than one step may, since the installation may have been down."""
    passed = session.scalar(select(seconds_since(Spend.at)).where(Spend.id == spend_id))
    return round(1000 * min(max(passed or 0.0, 0.0), settings.load().step_wall_s))


_RUNNING = Task.state == State.RUNNING
