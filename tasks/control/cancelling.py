"""Cancel one task, whatever became of its family: at once, or by a wish that its run obeys.

Who cancels: one_task.py (a person), family/ends.py (the task that it is a part of has ended).
"""

from typing import Any

from sqlalchemy.orm import Session

from models.columns import database_now, now
from models.database import after_commit
from models.states import Move, State, move
from models.task import Task
from tasks import live
from tasks.control.standing import NO_WISH, close_steps, withdraw, written
from tasks.timeline import record_of_task


def cancel_alone(session: Session, task: Task, **told: Any) -> Task:
    """Cancel the locked task, which has not ended; its event says what is `told`."""
    if task.state == State.RUNNING:
        return wish(session, task, "cancel", **told)
    close_steps(session, task.id)
    withdraw(session, task.id)
    ended: dict[str, Any] = {"finished_at": now(), "question": None, "waits_until": None}
    task = move(session, Move.CANCEL, Task.id == task.id, Task.state != State.RUNNING, **NO_WISH, **ended)
    record_of_task(session, task, "task.cancelled", killed=0, **told)
    return task


def wish(session: Session, task: Task, what: str, **told: Any) -> Task:
    """Ask the run that has the task for "cancel", "stop" or "pause", unless that was asked before."""
    column = f"{what}_requested_at"
    if getattr(task, column) is not None:
        return task
    at: dict[str, Any] = {column: database_now()}
    task = written(session, task, f"task.{what}_requested", told, **at)
    task_id = task.id
    after_commit(session, lambda: live.wish(task_id))
    return task
