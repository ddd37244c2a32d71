"""How a task stands, for whoever acts upon it: the row, locked, its open steps, and why it does not allow something.

Who acts: tasks/control/one_task.py, tasks/control/questions.py, tasks/control/emergency.py.
"""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.approval import Approval, ApprovalState
from models.columns import now
from models.errors import Conflict, NotFound
from models.states import State
from models.step import CUT_OFF, Step, StepState
from models.task import Task
from tasks.timeline import record_of_task

STANDS = {
    State.QUEUED: "is queued",
    State.RUNNING: "is running",
    State.WAITING: "waits for a person's answer",
    State.PAUSED: "is paused",
    State.SUCCEEDED: "has succeeded",
    State.FAILED: "has failed",
    State.CANCELLED: "was cancelled",
}
NO_WISH: dict[str, Any] = dict.fromkeys(
    ("cancel_requested_at", "stop_requested_at", "pause_requested_at", "emergency_at")
)
"""Columns of a task that nobody wants anything of."""


def locked(session: Session, task_id: str) -> Task:
    """The task as it stands, which nobody else changes before this transaction ends.

    Raises:
        NotFound: there is none.
    """
    task = session.scalars(select(Task).where(Task.id == task_id).with_for_update()).one_or_none()
    if task is None:
        raise NotFound("cannot find the task: there is none with this id", task_id=task_id)
    return task


def refusal(task: Task, action: str, cure: str) -> Conflict:
    """The error that says that the task's state does not allow this, and what would."""
    state = State(task.state)
    return Conflict(f"cannot {action} task: it {STANDS[state]}; {cure}", task_id=task.id, state=state.value)


def close_steps(session: Session, task_id: str) -> None:
    """Say of the step that was cut off, if there is one, that it is: nobody goes on with it."""
    left = update(Step).where(Step.task_id == task_id, Step.state == StepState.STARTED)
    cut = {"state": StepState.FAILED, "finished_at": now(), "error_code": CUT_OFF, "error_message": "was cut off"}
    session.execute(left.values(cut).execution_options(synchronize_session=False))


def withdraw(session: Session, task_id: str) -> None:
    """Take back what the task asks: it has ended, or does something else by now."""
    waiting = update(Approval).where(Approval.task_id == task_id, Approval.state == ApprovalState.WAITING)
    taken_back = waiting.values(state=ApprovalState.WITHDRAWN, decided_at=now())
    session.execute(taken_back.execution_options(synchronize_session=False))


def failure(code: str, message: str) -> dict[str, Any]:
    """The columns of a task that fails for good: nobody has dealt with it yet."""
    at = now()
    return {"error_code": code, "error_message": message, "finished_at": at, "dead_letter_at": at}


def written(session: Session, task: Task, kind: str, told: dict[str, Any] | None = None, **values: Any) -> Task:
    """Write these columns of the locked task, and the event with what is told; its state stays."""
    changed = update(Task).where(Task.id == task.id).values(event_count=Task.event_count + 1, **values).returning(Task)
    task = session.scalars(changed.execution_options(synchronize_session=False, populate_existing=True)).one()
    record_of_task(session, task, kind, **(told or {}))
    return task
