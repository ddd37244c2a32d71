"""What time brings: tasks whose start has come, and tasks whose deadline has passed before they ran.

By the database's clock alone.  A running task's deadline is its run's to keep (tasks/runs/heart.py), and that of a run
that died rescue.py's.
"""

from typing import Any

from sqlalchemy import select, update

from models import event
from models.columns import database_now
from models.database import after_commit, writing
from models.states import Move, State, move
from models.task import Task
from tasks import live
from tasks.control.standing import NO_WISH, close_steps, failure, withdraw
from tasks.family.hearing import note_end

STARTED_AT_ONCE = 500
FAILED_AT_ONCE = 50
DUE = Task.waits_until <= database_now()
_IDLE = (State.QUEUED, State.WAITING, State.PAUSED)
LATE = (Task.deadline_at <= database_now()) & Task.finished_at.is_(None) & Task.state.in_(_IDLE)


def start_due() -> int:
    """Let the tasks be claimed whose time has come, earliest first; returns how many.

    They are published by what comes next in the round, or by the next round if this process ends here.
    """
    due = select(Task.number).where(DUE).order_by(Task.waits_until)
    with writing() as session:
        # Passed over where somebody is changing the row: the next round comes in a second.
        numbers = list(session.scalars(due.limit(STARTED_AT_ONCE).with_for_update(skip_locked=True)))
        if numbers:
            started = update(Task).where(Task.number.in_(numbers)).values(waits_until=None, published_at=None)
            session.execute(started.execution_options(synchronize_session=False))
    return len(numbers)


def fail_late() -> int:
    """Fail the tasks that are not running and past their deadline; returns how many."""
    late = select(Task.id).where(LATE).order_by(Task.deadline_at).limit(FAILED_AT_ONCE)
    with writing() as session:
        ids = list(session.scalars(late.with_for_update(skip_locked=True)))
        for task_id in ids:
            # One that asks a person, or that was paused at once, has a step that was cut off.
            close_steps(session, task_id)
            withdraw(session, task_id)
            values = failure("deadline", "cannot finish in time: its deadline passed before it was done")
            idle: dict[str, Any] = {**NO_WISH, "question": None, "waits_until": None}
            task = move(session, Move.FAIL, Task.id == task_id, Task.state != State.RUNNING, **idle, **values)
            told = {"code": values["error_code"], "message": values["error_message"]}
            event.record(session, "task", task.id, task.event_count, "task.failed", task.tenant, **told)
            note_end(session, task.id, task.root_id)
            after_commit(session, lambda task=task: live.hint("task", task.id, task.event_count))  # type: ignore[misc]
    return len(ids)
