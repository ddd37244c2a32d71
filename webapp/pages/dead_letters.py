"""The dead letters: tasks that failed for good and that nobody has dealt with, grouped by why.

Retry and dismiss of one: pages/control.py; of all that match: pages/bulk.py.  What the codes mean: failure_words.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from models.database import db
from models.event import Event
from models.step import Step, StepState
from models.task import Task
from models.task_list import LARGEST_PAGE, Filters
from models.task_list import page as page_of
from webapp import failure_words, gate

page = Blueprint("dead_letters", __name__)

COUNTED = 10_000
AT_A_STEP = "tool_failed"


@dataclass
class Letter:
    """A dead letter, and the step that it failed at."""

    task: Task
    step: Step | None
    told: Event | None
    """What says that it failed for good."""

    @property
    def code(self) -> str:
        """Why it failed: of a task that failed at a step, the step knows."""
        of_step = self.step.error_code if self.step and self.task.error_code == AT_A_STEP else None
        return of_step or self.task.error_code or ""


@dataclass
class Group:
    """Dead letters with the same error code."""

    code: str
    title: str
    advice: str
    count: int
    letters: list[Letter] = field(default_factory=list)


@page.get("/dead-letters")
def show() -> ResponseReturnValue:
    """The newest of them, by reason."""
    gate.allow("task:read")
    code, words = request.args.get("code", ""), request.args.get("q", "").strip()[:200]
    more = (reason_is(code),) if code else ()
    found = page_of(
        db.session(),
        Filters(q=words or None, dead_letters=True, more=more),
        request.args.get("cursor") or None,
        LARGEST_PAGE // 2,
    )
    counts = _counts(db.session())
    groups = _grouped(_letters(db.session(), found.tasks), counts)
    return render_template(
        "pages/dead_letters.html",
        groups=groups,
        counts=counts,
        code=code,
        q=words,
        next_cursor=found.next_cursor,
        where={name: value for name, value in (("q", words), ("code", code)) if value},
        failure_words=failure_words,
    )


def reason_is(code: str) -> ColumnElement[bool]:
    """Whether this is why the task failed."""
    return _REASON.is_not_distinct_from(code)


# A task that failed at a step says only that; why stands at the step.
_OF_STEP = (
    select(Step.error_code)
    .where(Step.task_id == Task.id, Step.state == StepState.FAILED, Step.superseded_at.is_(None))
    .order_by(Step.position.desc())
    .limit(1)
    .correlate(Task)
    .scalar_subquery()
)
_REASON = case((Task.error_code == AT_A_STEP, func.coalesce(_OF_STEP, Task.error_code)), else_=Task.error_code)


def _counts(session: Session) -> dict[str, int]:
    """How many there are of each code, the most frequent first; exact up to COUNTED in all."""
    some = select(_REASON.label("code")).where(Task.dead_letter_at.is_not(None)).limit(COUNTED).subquery()
    rows = session.execute(select(some.c.code, func.count()).group_by(some.c.code).order_by(func.count().desc()))
    return {code or "": count for code, count in rows}


def _letters(session: Session, tasks: Sequence[Task]) -> list[Letter]:
    failed = select(Step).where(Step.task_id.in_([task.id for task in tasks]), Step.state == StepState.FAILED)
    steps = {step.task_id: step for step in session.scalars(failed.where(Step.superseded_at.is_(None)))}
    told = _told(session, tasks)
    return [Letter(task, steps.get(task.id), told.get(task.id)) for task in tasks]


def _told(session: Session, tasks: Sequence[Task]) -> dict[str, Event]:
    of_these = select(Event).where(Event.subject_id.in_([task.id for task in tasks]), Event.kind == "task.failed")
    return {event.subject_id: event for event in session.scalars(of_these.order_by(Event.number))}


def _grouped(letters: Sequence[Letter], counts: dict[str, int]) -> list[Group]:
    groups: dict[str, Group] = {}
    for letter in letters:
        code = letter.code
        if code not in groups:
            groups[code] = Group(code, *failure_words.of(code), counts.get(code, 0))
        groups[code].letters.append(letter)
    return sorted(groups.values(), key=lambda group: -group.count)
