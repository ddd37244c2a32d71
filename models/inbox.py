"""The inbox: every task that waits for a person, the oldest first, a page at a time along the index of waiting tasks.

What is asked: `Task.question`; of an approval its row says it in full.  A task that waits for the tasks that it
delegated waits for nobody, and is not in it.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session, load_only

from models.approval import Approval
from models.errors import InvalidInput, Problem
from models.states import State
from models.task import Task
from models.task_list import LARGEST_PAGE, SHOWN

KINDS = ("approval", "once_cut")
"""Kinds of questions that only a person answers."""
# Written out: only then does the database see that the index of waiting tasks fits.
_IS_WAITING = Task.state == literal(State.WAITING.value, literal_execute=True)


@dataclass(frozen=True)
class Asked:
    """A task that waits, and what is to be approved where it asks for that."""

    task: Task
    approval: Approval | None


@dataclass(frozen=True)
class InboxPage:
    """Some of what waits, and the cursor of the next page; None on the last."""

    asked: list[Asked]
    next_cursor: str | None


def waits_for_a_person() -> ColumnElement[bool]:
    """Whether the task is in the inbox."""
    return _IS_WAITING & Task.question["kind"].as_string().in_(KINDS)


def page(session: Session, cursor: str | None = None, limit: int = 50) -> InboxPage:
    """The first `limit` of them that are newer than the cursor's task, which may be gone by now.

    Raises:
        InvalidInput: the cursor is no id, or the limit is not between 1 and LARGEST_PAGE.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        raise _wrong("limit", f"must be between 1 and {LARGEST_PAGE}")
    wanted = select(Task).where(waits_for_a_person()).order_by(Task.number).limit(limit + 1)
    if cursor:
        wanted = wanted.where(Task.number > _number_of(session, cursor))
    tasks = list(session.scalars(wanted.options(load_only(*SHOWN, Task.question))))
    approvals = _approvals(session, tasks[:limit])
    asked = [Asked(task, approvals.get(task.id)) for task in tasks[:limit]]
    return InboxPage(asked, asked[-1].task.id if len(tasks) > limit else None)


def count(session: Session, most: int) -> int:
    """How many there are; `most` at most."""
    found = select(Task.number).where(waits_for_a_person()).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def _number_of(session: Session, cursor: str) -> int:
    """That of the cursor's task.

    Ids grow with time, so a deleted task's place is just above the newest task with a smaller id.
    """
    try:
        wanted = str(UUID(cursor))
    except ValueError as error:
        raise _wrong("cursor", "is no cursor; use next_cursor of the page before") from error
    # Mostly it is there, and found by its id at once; SQLite looks through all tasks for the nearest one before.
    found = session.scalar(select(Task.number).where(Task.id == wanted))
    if found is not None:
        return found
    before = select(Task.number).where(Task.id <= wanted).order_by(Task.id.desc()).limit(1)
    return session.scalar(before) or 0


def _approvals(session: Session, tasks: list[Task]) -> dict[str, Approval]:
    named = [asked["approval"] for task in tasks if (asked := task.question or {}).get("kind") == "approval"]
    found = session.scalars(select(Approval).where(Approval.id.in_(named)))
    return {approval.task_id: approval for approval in found}


def _wrong(path: str, message: str) -> InvalidInput:
    return InvalidInput("cannot list the inbox", problems=[Problem(path=path, message=message)])
