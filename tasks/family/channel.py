"""The channel of a family: messages by its agents and by people, as events on the timeline of its first task.

So they are numbered, kept, streamed and deleted as all events are.
"""

import hashlib

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models.columns import now
from models.database import reading, writing
from models.errors import Conflict, InvalidInput, NotFound, Problem
from models.event import Event
from models.scope import current
from models.task import Task
from tasks.control.standing import locked, written
from tasks.family.tree import family_of
from tasks.runs.outcome import clean
from tools.team.channel import LONGEST
from tools.team.port import Message

KIND = "family.message"
MOST_BY_AGENTS = 1000
"""In one family: agents that answer each other end here; people may go on."""
READ_AT_ONCE = 200


def say(task_id: str, text: str, key: str | None = None, most: int | None = None) -> Message:
    """Write to the channel of the task's family.  Runs within `acting(…)`.

    Asked again with the same `key`, nothing is written a second time.

    Raises:
        NotFound: there is no such task.
        InvalidInput: there is no text, or too much of it.
        Conflict: `most` messages were written already.
    """
    said = _checked(text)
    mark = hashlib.sha256(key.encode()).hexdigest() if key else None
    with writing() as session:
        task = _task(session, task_id)
        first = locked(session, family_of(task))
        if mark is not None and (before := _marked(session, first.id, mark)):
            return before
        if most is not None and _count(session, first.id) >= most:
            raise Conflict(f"cannot write: the channel has {most} messages, and agents may write no more", most=most)
        marked = {"request": mark} if mark else {}
        told = {"text": said, "from_task": task.id, "title": task.title, **marked}
        number = written(session, first, KIND, told).event_count
        return Message(number, current().author, said, now().isoformat(), task.id, task.title)


def messages(task_id: str, since: int = 0, limit: int = READ_AT_ONCE, *, newest: bool = False) -> list[Message]:
    """What was written after number `since`, in order; of more than `limit` the first, or the `newest`.

    Raises:
        NotFound: there is no such task.
    """
    with reading() as session:
        mine = _lines(family_of(_task(session, task_id))).where(Event.number > since)
        order = Event.number.desc() if newest else Event.number
        found = session.scalars(mine.order_by(order).limit(limit)).all()
        return [_message(each) for each in (reversed(found) if newest else found)]


def _checked(text: str) -> str:
    said = str(clean(text)).strip()
    if not said or len(said) > LONGEST:
        message = f"write between 1 and {LONGEST:,} characters"
        raise InvalidInput("cannot write this", problems=[Problem(path="text", line=None, message=message)])
    return said


def _task(session: Session, task_id: str) -> Task:
    found = session.scalars(select(Task).where(Task.id == task_id)).one_or_none()
    if found is None:
        raise NotFound("cannot find the task: there is none with this id", task_id=task_id)
    return found


def _lines(family_id: str) -> Select[Event]:
    return select(Event).where(Event.subject_id == family_id, Event.kind == KIND)


def _marked(session: Session, family_id: str, mark: str) -> Message | None:
    # The database looks: the family's first row is locked, and to load all that was said would take long.
    mine = _lines(family_id).where(Event.data["request"].as_string() == mark)
    found = session.scalars(mine.limit(1)).one_or_none()
    return _message(found) if found is not None else None


def _count(session: Session, family_id: str) -> int:
    mine = select(func.count()).select_from(Event).where(Event.subject_id == family_id, Event.kind == KIND)
    return session.scalar(mine) or 0


def _message(event: Event) -> Message:
    said = {name: str(event.data.get(name) or "") for name in ("text", "title")}
    task_id = str(event.data.get("from_task") or "")
    return Message(event.number, event.author, said["text"], event.at.isoformat(), task_id, said["title"])
