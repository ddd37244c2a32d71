"""Calls that nobody waits for any more: what they had reserved stays spent, since nobody can prove that none was made.

By the next run of the task (budgets.py) and by the reconciler.  A call that may still be answered is left alone:
its run has the task.
"""

from sqlalchemy import ColumnElement, exists, literal, select

from models import spending
from models.budget import Spend, SpendState
from models.claim import Claim
from models.database import reading, writing
from models.states import State
from models.task import Task
from models.wall_time import counted_to_now, wall_since

AT_ONCE = 200
# Part of the statement's text: SQLite finds the index of the open ones, which are few, by nothing else.
OPEN = Spend.state == literal(SpendState.RESERVED.value, literal_execute=True)


def lose_left(claim: Claim) -> int:
    """Count as spent what this run's earlier calls, and earlier runs, left reserved; gives how many calls these were.

    A run makes one call after the other: before the next one whatever is open is of a call that is over.  Its time is
    counted with that of the runs, by the reservation of the next one.
    """
    which = (Spend.task_id == claim.task_id, Spend.run_number <= claim.run_number)
    return sum(_lose(each, *which) for each in _open(*which))


def lose_dead() -> int:
    """The same for every task that no run has any more, and the time of its runs.  Runs in the wide scope."""
    is_at_work = exists().where(Task.id == Spend.task_id, Task.run_number == Spend.run_number, _RUNNING)
    return sum(_lose_with_time(each, ~is_at_work) for each in _open(~is_at_work))


def _open(*which: ColumnElement[bool]) -> list[str]:
    with reading() as session:
        return list(session.scalars(select(Spend.id).where(OPEN, *which).limit(AT_ONCE)))


def _lose(spend_id: str, *still: ColumnElement[bool]) -> bool:
    with writing() as session:
        return spending.close_lost(session, spend_id, 0, *still)


def _lose_with_time(spend_id: str, *still: ColumnElement[bool]) -> bool:
    """Nobody may come who counts the time."""
    with writing() as session:
        spend = session.get_one(Spend, spend_id)
        own = spending.own(session, spend.task_id)
        wall_ms = wall_since(session, own, spend.run_number) if own is not None else 0
        is_lost = spending.close_lost(session, spend_id, wall_ms, *still)
        if is_lost and own is not None and wall_ms:
            counted_to_now(session, own.id, spend.run_number)
        return is_lost


_RUNNING = Task.state == State.RUNNING
