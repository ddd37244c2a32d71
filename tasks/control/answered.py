"""A task whose question was answered goes on, or rests where somebody asked for that while it waited.

Who answers: questions.py, tasks/approvals/decisions.py, and the ends of what it handed on: tasks/family/ends.py.
"""

from typing import Any

from sqlalchemy.orm import Session

from models.columns import now
from models.states import Move, move
from models.task import Task
from tasks.queueing.waking import wake_after_commit
from tasks.timeline import record_of_task


def go_on(session: Session, task: Task, kind: str, told: dict[str, Any], **values: Any) -> Task:
    """Give the locked task, which waits, back to its queue; the event of this kind says what is `told`."""
    task = move(session, Move.ANSWER, Task.id == task.id, question=None, published_at=now(), **values)
    record_of_task(session, task, kind, **told)
    if task.pause_requested_at is None:
        wake_after_commit(session, task)
        return task
    task = move(session, Move.PAUSE, Task.id == task.id, pause_requested_at=None, stop_requested_at=None)
    record_of_task(session, task, "task.paused", why="pause")
    return task
