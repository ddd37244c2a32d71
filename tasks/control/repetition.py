"""A request that comes a second time because the answer to the first was lost: it finds what that has done.

No table of requests: the line that a request writes on the task's timeline bears its mark, made from all that was
asked and from the key that the asker gave it.  Who asks: tasks/control/one_task.py, tasks/control/questions.py.
"""

import hashlib
from collections.abc import Callable

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.event import Event
from models.task import Task

KINDS = ("task.reopened", "task.answered", "task.failed")
"""What a retry, a replay or an answer writes last."""
REMEMBERED = 500
"""So many lines of the timeline: whoever lost an answer asks again within seconds."""


def once(session: Session, task: Task, asked: str, key: str | None, act: Callable[[], Task]) -> Task:
    """What `act` makes of the locked task; or how the task stands, where this request with this key did it before.

    `asked` says all of the request: the same key with another one is another request.  `act` writes an event.
    """
    if key is None:
        return act()
    mark = hashlib.sha256(f"{asked}\n{key}".encode()).hexdigest()
    if _is_known(session, task, mark):
        return task
    task = act()
    written = session.scalars(_lines(task).where(Event.number == task.event_count)).one()
    written.data = {**written.data, "request": mark}
    return task


def _is_known(session: Session, task: Task, mark: str) -> bool:
    lately = _lines(task).where(Event.number > task.event_count - REMEMBERED)
    return any(line.data.get("request") == mark for line in session.scalars(lately.where(Event.kind.in_(KINDS))))


def _lines(task: Task) -> Select[Event]:
    return select(Event).where(Event.subject_id == task.id)
