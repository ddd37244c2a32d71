"""The emergency stop: nothing is claimed any more, and every run ends its tool now; and its release.

The row of queue `EVERY` says that it holds; the tasks that it holds say so themselves (`Task.emergency_at`), so the
release resumes those and no others.  Both go on a bounded number of tasks a call: who calls asks again until
nothing is left, and the reconciler does the rest when nobody does (`go_on`).  Within `acting(…)`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, literal, select, update
from sqlalchemy.orm import Session

from models.columns import database_now, now
from models.database import after_commit, reading, writing
from models.queue import EVERY, Queue
from models.scope import current, wide
from models.states import Move, State, move
from models.task import Task
from tasks import live
from tasks.control.standing import NO_WISH, written
from tasks.queueing.queues import rule_of
from tasks.queueing.wake_ups import top_up
from tasks.queueing.waking import wake_after_commit
from tasks.timeline import record_of_queue, record_of_task

AT_ONCE = 100
COUNTED = 10_000
LONGEST_REASON = 300
# In the text of the statement: PostgreSQL uses a partial index only where it reads the condition.
_RUNNING = literal(State.RUNNING.value, literal_execute=True)

Conditions = tuple[ColumnElement[bool], ...]


@dataclass(frozen=True)
class Emergency:
    """How the emergency stop stands."""

    is_on: bool
    since: datetime | None
    by: str | None
    reason: str
    held: int
    """Tasks that it has stopped, or is stopping, and that its release resumes; exact up to COUNTED."""
    left: int
    """Tasks that are still to be stopped, or after the release to be resumed; exact up to COUNTED."""


def standing() -> Emergency:
    """Whether it holds, since when, by whom and why, and over how many tasks."""
    with reading() as session:
        rule = session.scalars(select(Queue).where(Queue.name == EVERY)).one_or_none()
        is_on = rule is not None and rule.paused_at is not None
        held = _count(session, Task.emergency_at.is_not(None))
        left = _count(session, *_TO_STOP) if is_on else held
    if rule is None or not is_on:
        return Emergency(False, None, None, "", held, left)
    return Emergency(True, rule.paused_at, rule.paused_by, rule.pause_reason, held, left)


def stop(reason: str = "", limit: int = AT_ONCE) -> Emergency:
    """Stop everything: claim nothing more, and let the first `limit` runs end now; call again until none is left."""
    with writing() as session:
        rule = rule_of(session, EVERY)
        if rule.paused_at is None:
            rule.paused_at, rule.paused_by, rule.pause_reason = now(), current().author, reason.strip()[:LONGEST_REASON]
            session.flush()
            record_of_queue(session, rule.id, "emergency.stopped", reason=rule.pause_reason)
    _stop_some(limit)
    return standing()


def release(limit: int = AT_ONCE) -> Emergency:
    """End the emergency stop, and resume the first `limit` tasks that it holds; call again until none is left.

    What still runs, because it has not come to obey, is resumed once it is paused.
    """
    with writing() as session:
        rule = rule_of(session, EVERY)
        if rule.paused_at is not None:
            rule.paused_at, rule.paused_by, rule.pause_reason = None, None, ""
            session.flush()
            record_of_queue(session, rule.id, "emergency.released")
            # While everything was closed the workers took their messages and found nothing to claim.
            after_commit(session, _wake_all)
    _resume_some(limit)
    return standing()


def _wake_all() -> None:
    with wide(current().author):
        top_up()


def go_on(limit: int = AT_ONCE) -> int:
    """Do what a stop or a release has left over; returns for how many tasks.  Two looks into indexes when nothing is.

    A claim that was on its way when the stop came is found here too.  For the reconciler, in the wide scope.
    """
    return _stop_some(limit) + _resume_some(limit)


_CLOSED = select(Queue.tenant).where(Queue.name == EVERY, Queue.paused_at.is_not(None))
_TO_STOP = (Task.state == _RUNNING, Task.stop_requested_at.is_(None), Task.tenant.in_(_CLOSED))
_TO_RESUME = (Task.emergency_at.is_not(None), Task.state != _RUNNING, Task.tenant.not_in(_CLOSED))


def _stop_some(limit: int) -> int:
    if not _is_any(_TO_STOP):
        return 0
    with writing() as session:
        found = _some(session, _TO_STOP, limit)
        for task in found:
            at: dict[str, Any] = {"stop_requested_at": database_now()}
            # What a person wants paused is not the release's to resume.
            at |= {"emergency_at": database_now()} if task.pause_requested_at is None else {}
            written(session, task, "task.stop_requested", {"is_emergency": True}, **at)
            _wish_after_commit(session, task.id)
    return len(found)


def _resume_some(limit: int) -> int:
    if not _is_any(_TO_RESUME):
        return 0
    with writing() as session:
        found = _some(session, _TO_RESUME, limit)
        for task in found:
            _let_go(session, task)
    return len(found)


def _is_any(conditions: Conditions) -> bool:
    """Whether there is one: to know that costs no write lock."""
    with reading() as session:
        return session.scalar(select(Task.number).where(*conditions).limit(1)) is not None


def _some(session: Session, conditions: Conditions, limit: int) -> Sequence[Task]:
    wanted = select(Task).where(*conditions).order_by(Task.number).limit(limit)
    return session.scalars(wanted.with_for_update(skip_locked=True)).all()


def _let_go(session: Session, task: Task) -> None:
    if task.state != State.PAUSED:
        # It ended, or went back to its queue, before its run came to obey.
        freed = update(Task).where(Task.id == task.id).values(emergency_at=None, stop_requested_at=None)
        session.execute(freed.execution_options(synchronize_session=False))
        return
    published_at = None if task.waits_until is not None else now()
    task = move(session, Move.RESUME, Task.id == task.id, published_at=published_at, **NO_WISH)
    record_of_task(session, task, "task.resumed", is_emergency=True)
    if published_at is not None:
        wake_after_commit(session, task)


def _wish_after_commit(session: Session, task_id: str) -> None:
    after_commit(session, lambda: live.wish(task_id))


def _count(session: Session, *conditions: Any) -> int:
    some = select(Task.number).where(*conditions).limit(COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0
