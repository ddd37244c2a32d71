"""Do one thing to all tasks that pass a filter: first how many there are, then so many a call.

A call goes on below its cursor in short transactions and says how far it came, so a page or a command shows
progress, and one that dies in the middle has lost nothing: what is done is done, the rest is asked for again.
What is done to one task: tasks/control/one_task.py.  Everything at once: tasks/control/emergency.py.  Runs within
`acting(…)`.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from models.database import reading, writing
from models.errors import Conflict, InvalidInput, NotFound, Problem
from models.states import State
from models.task import Task
from models.task_list import Filters, count, page
from tasks.control import one_task as control
from tasks.control.standing import locked

COUNTED = 10_000
EXAMPLES = 5
# Other writers wait for so many at most.
TOGETHER = 20


@dataclass(frozen=True)
class Action:
    """What is done, and to which tasks it can be done."""

    do: Callable[[Session, Task], Task]
    states: tuple[State, ...]
    more: tuple[Any, ...] = ()
    only_dead_letters: bool = False


_RUNS_UNASKED = (Task.state != State.RUNNING) | (Task.cancel_requested_at.is_(None))
_RUNS_ON = (Task.state != State.RUNNING) | (
    Task.cancel_requested_at.is_(None) & Task.stop_requested_at.is_(None) & Task.pause_requested_at.is_(None)
)
# What an emergency stop holds is resumed by its release, unless a person pauses it too.
_GOES_ON = (_RUNS_ON & (Task.state != State.PAUSED)) | (Task.emergency_at.is_not(None) & _RUNS_UNASKED)
ACTIONS: dict[str, Action] = {
    "cancel": Action(
        control.cancel_in, (State.QUEUED, State.RUNNING, State.WAITING, State.PAUSED), more=(_RUNS_UNASKED,)
    ),
    "pause": Action(control.pause_in, (State.QUEUED, State.RUNNING, State.PAUSED), more=(_GOES_ON,)),
    "resume": Action(control.resume_in, (State.PAUSED,)),
    "retry": Action(control.retry_in, (State.FAILED, State.CANCELLED)),
    "dismiss": Action(control.dismiss_in, (State.FAILED,), only_dead_letters=True),
}


@dataclass(frozen=True)
class Preview:
    """How many tasks it would be done to; exact up to COUNTED, one more says that there are more."""

    count: int
    examples: list[Task]

    @property
    def is_more(self) -> bool:
        return self.count > COUNTED

    @property
    def in_words(self) -> str:
        """`1 task`, `1,204 tasks`, `more than 10,000 tasks`."""
        if self.is_more:
            return f"more than {COUNTED:,} tasks"
        return "1 task" if self.count == 1 else f"{self.count:,} tasks"


@dataclass(frozen=True)
class Progress:
    """How far a call came."""

    done: int
    refused: int
    """Whose state had changed before it was their turn."""
    left: int
    """As in `Preview.count`."""
    cursor: str | None
    """To go on with; None when nothing is left."""
    reasons: dict[str, int]
    """Why those were refused: each reason, and of how many."""


def preview(action: str, filters: Filters) -> Preview:
    """How many tasks the action would be done to, and the newest few of them; nothing is changed.

    Raises:
        InvalidInput: there is no such action.
    """
    wanted = _narrowed(action, filters)
    with reading() as session:
        found = count(session, wanted, most=COUNTED)
        return Preview(found, page(session, wanted, limit=EXAMPLES).tasks)


def perform(action: str, filters: Filters, limit: int = 100, cursor: str | None = None) -> Progress:
    """Do it to the first `limit` tasks below the cursor, newest first; what came after the first call is left alone.

    Raises:
        InvalidInput: there is no such action, the cursor is none, or the limit is not between 1 and LARGEST_PAGE.
    """
    wanted = _narrowed(action, filters)
    with reading() as session:
        found = page(session, wanted, cursor, limit)
    ids = [task.id for task in found.tasks]
    reasons: Counter[str] = Counter()
    for start in range(0, len(ids), TOGETHER):
        # Oldest first within a transaction, as all who lock several of a family do.
        reasons += _do(ACTIONS[action], ids[start : start + TOGETHER][::-1])
    refused = reasons.total()
    left = 0
    if found.next_cursor is not None:
        with reading() as session:
            left = count(session, wanted, found.next_cursor, COUNTED)
    return Progress(len(ids) - refused, refused, left, found.next_cursor if left else None, dict(reasons))


def _narrowed(action: str, filters: Filters) -> Filters:
    """The filters, and what the action can be done to."""
    if action not in ACTIONS:
        problem = Problem(path="action", message=f"must be one of {', '.join(ACTIONS)}")
        raise InvalidInput("cannot do this to several tasks", problems=[problem])
    known = ACTIONS[action]
    is_dead_letters = filters.dead_letters or known.only_dead_letters
    return replace(filters, states=known.states, more=(*filters.more, *known.more), dead_letters=is_dead_letters)


def _do(action: Action, ids: Sequence[str]) -> Counter[str]:
    """Do it to these in one transaction; returns why some were refused, and how many for each reason."""
    refused: Counter[str] = Counter()
    with writing() as session:
        for task_id in ids:
            try:
                with session.begin_nested():
                    action.do(session, locked(session, task_id))
            except (Conflict, NotFound) as error:
                refused[error.message] += 1  # it moved, or was deleted, since the page was read
    return refused
