"""The states of a task and every move between them; nothing else moves a state.

`python -m models.states` draws the diagram in docs/reference/states.md.  A move is one
compare-and-set statement that also takes the next number of the task's timeline, so a move
and its event are one.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Update, update
from sqlalchemy.orm import Session

from models.errors import Conflict


class State(StrEnum):
    """Where a task stands in the machine."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Stage(StrEnum):
    """Where a task stands in the work, shown to people; in this order."""

    DESIGN = "design"
    BUILD = "build"
    TEST = "test"
    REVIEW = "review"
    COMPLETE = "complete"


class Move(StrEnum):
    """What may happen to a task's state."""

    CLAIM = "claim"
    REQUEUE = "requeue"
    """Its worker died or fell silent, or its run gives it back."""
    RETRY = "retry"
    """A step failed, and its policy has another attempt."""
    WAIT = "wait"
    ANSWER = "answer"
    PAUSE = "pause"
    RESUME = "resume"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"
    REOPEN = "reopen"
    """A person's retry or replay: the only way out of an end, and a new epoch."""


_ALIVE = frozenset({State.QUEUED, State.RUNNING, State.WAITING, State.PAUSED})
MOVES: dict[Move, tuple[frozenset[State], State]] = {
    Move.CLAIM: (frozenset({State.QUEUED}), State.RUNNING),
    Move.REQUEUE: (frozenset({State.RUNNING}), State.QUEUED),
    Move.RETRY: (frozenset({State.RUNNING}), State.QUEUED),
    Move.WAIT: (frozenset({State.RUNNING}), State.WAITING),
    Move.ANSWER: (frozenset({State.WAITING}), State.QUEUED),
    Move.PAUSE: (frozenset({State.QUEUED, State.RUNNING}), State.PAUSED),
    Move.RESUME: (frozenset({State.PAUSED}), State.QUEUED),
    Move.SUCCEED: (frozenset({State.RUNNING}), State.SUCCEEDED),
    Move.FAIL: (_ALIVE, State.FAILED),
    Move.CANCEL: (_ALIVE, State.CANCELLED),
    Move.REOPEN: (frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED}), State.QUEUED),
}
FIRST = State.QUEUED
TERMINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


def move(session: Session, what: Move, *conditions: ColumnElement[bool], events: int = 1, **values: Any) -> Any:
    """Move the one task that meets the conditions; returns its row as it stands afterwards.

    It takes the next `events` numbers of the timeline; the row has the last of them.

    Raises:
        Conflict: no task met them in a state that this move leaves; another was there first.
    """
    from models.task import Task  # the table's type names State, so it is imported late

    statement = (
        moving(what)
        .where(*conditions)
        .values(event_count=Task.event_count + events, **values)
        .returning(Task)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    task = session.scalars(statement).one_or_none()
    if task is None:
        raise Conflict(f"cannot {what} task: another was there first")
    return task


def moving(what: Move) -> Update:
    """The statement of the move, for whoever prepares it once: it lacks its conditions, and the events' numbers."""
    from models.task import Task

    sources, target = MOVES[what]
    is_there = Task.state == next(iter(sources)) if len(sources) == 1 else Task.state.in_(sources)
    return update(Task).where(is_there).values(state=target)


def diagram() -> str:
    """The moves as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {FIRST}: submit"]
    for name, (sources, target) in MOVES.items():
        lines += [f"    {source} --> {target}: {name}" for source in sorted(sources)]
    lines += [f"    {state} --> [*]" for state in sorted(TERMINAL & {target for _, target in MOVES.values()})]
    return "\n".join(lines)


if __name__ == "__main__":
    print(diagram())  # noqa: T201  (its output is the page)
