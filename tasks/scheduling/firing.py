"""Fire schedules whose time has come: each time becomes one task at most, whoever looks and however often.

A firing is decided by one transaction: it moves the schedule on from exactly this time, writes the row that is
unique by schedule and time, and writes the task.  A second process, or the same one after a crash, meets a schedule
that has moved on.  Due is what the database's clock says.  Who calls it: the reconciler, every second.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from models import scope
from models.columns import clock
from models.database import insert_unless_there, reading, writing
from models.errors import InvalidInput, OpsCoreError
from models.schedule import Firing, Missed, Outcome, Overlap, Schedule
from models.states import TERMINAL
from models.task import Task
from tasks.control.one_task import cancel_in
from tasks.control.standing import locked
from tasks.logs import logger
from tasks.orders.submission import Prepared, prepare, write
from tasks.scheduling.recurrence import Recurrence
from tasks.scheduling.schedules import order_of

AT_ONCE = 50
GRACE = timedelta(seconds=60)
"""A time that is later than this was missed: nothing could fire."""
MOST_CAUGHT_UP = 100
LOOKED_AT = 20
"""Tasks of a schedule that are looked at for ones that have not ended, the newest."""
KEPT = 500
"""Firings of a schedule that are kept, the newest."""
log = logger(__name__)


@dataclass(frozen=True)
class Decision:
    """What becomes of a time: when the next one is, and what this one comes to."""

    next_at: datetime | None
    outcome: Outcome = Outcome.SUBMITTED
    reason: str = ""
    cancels: tuple[str, ...] = ()
    """Tasks of earlier times."""


def fire_due() -> int:
    """Fire what is due, longest overdue first, a bounded number; returns how many times.  Runs within `wide(…)`."""
    with reading() as session:
        at = clock(session.connection())
        overdue = select(Schedule).where(Schedule.next_at <= at).order_by(Schedule.next_at).limit(AT_ONCE)
        due = list(session.scalars(overdue))
    return sum(_fire(each, at) for each in due)


def _fire(schedule: Schedule, at: datetime) -> bool:
    due = schedule.next_at
    if due is None:
        return False
    decision, prepared = _decide(schedule, due, at), None
    with scope.acting(schedule.author, schedule.tenant):
        if decision.outcome == Outcome.SUBMITTED:
            decision = _after_overlap(schedule, due, decision)
        if decision.outcome == Outcome.SUBMITTED:
            try:
                prepared = prepare(order_of(schedule), schedule.id)
            # One schedule's order must not hold up the others; what was wrong stands in its firing.
            except (OpsCoreError, OSError) as error:
                decision = Decision(decision.next_at, Outcome.REFUSED, _said(error))
        is_mine = _settle(schedule, due, decision, prepared)
    if is_mine:
        log.info(f"schedule.{decision.outcome}", schedule=schedule.name, due_at=str(due), reason=decision.reason)
    return is_mine


def _decide(schedule: Schedule, due: datetime, at: datetime) -> Decision:
    rule = Recurrence(schedule.repeats, schedule.rule, schedule.time_zone)
    try:
        return _by_rule(schedule, rule, due, at)
    except ZoneInfoNotFoundError:
        reason = f"this host does not know the time zone {schedule.time_zone}; change the schedule to go on"
        return Decision(None, Outcome.REFUSED, reason)


def _by_rule(schedule: Schedule, rule: Recurrence, due: datetime, at: datetime) -> Decision:
    if at - due <= GRACE:
        return Decision(rule.after(due))
    if schedule.missed == Missed.SKIP:
        return Decision(rule.skipping(due, at), Outcome.MISSED, "nothing could fire at that time")
    if schedule.missed == Missed.ONE:
        return Decision(rule.skipping(due, at))
    oldest = rule.latest(due, at, MOST_CAUGHT_UP)
    if oldest > due:
        return Decision(oldest, Outcome.MISSED, f"of the times that passed, only the last {MOST_CAUGHT_UP} are made up")
    return Decision(rule.after(due))


def _after_overlap(schedule: Schedule, due: datetime, decision: Decision) -> Decision:
    """What the decision becomes when tasks of earlier times have not ended."""
    if schedule.overlap == Overlap.ALLOW or not (before := _unended(schedule)):
        return decision
    if schedule.overlap == Overlap.SKIP:
        return Decision(decision.next_at, Outcome.OVERLAPPED, "the task of an earlier time had not ended")
    return replace(decision, cancels=tuple(before))


def _unended(schedule: Schedule) -> list[str]:
    # Not by the firings: a task may outlive more times than are looked at, or kept.
    latest = select(Task.id, Task.state).where(Task.schedule_id == schedule.id)
    latest = latest.order_by(Task.number.desc()).limit(LOOKED_AT)
    with reading() as session:
        return [task_id for task_id, state in session.execute(latest) if state not in TERMINAL]


def _settle(schedule: Schedule, due: datetime, decision: Decision, prepared: Prepared | None) -> bool:
    """Move the schedule on and write what its time came to; False when another was there first."""
    with writing() as session:
        mine = update(Schedule).where(Schedule.id == schedule.id, Schedule.next_at == due)
        mine = mine.values(next_at=decision.next_at, last_at=due).execution_options(synchronize_session=False)
        if session.scalar(mine.returning(Schedule.id)) is None or not _note(session, schedule, due, decision, prepared):
            return False
        for task_id in decision.cancels if prepared else ():
            _cancel(session, task_id)
        if prepared is not None:
            write(session, prepared, schedule=schedule.name, due_at=due.isoformat())
        _forget(session, schedule)
    return True


def _note(session: Session, schedule: Schedule, due: datetime, decision: Decision, prepared: Prepared | None) -> bool:
    signed = {"tenant": schedule.tenant, "author": schedule.author}
    came_to = {"outcome": decision.outcome, "reason": decision.reason}
    task_id = prepared.task.id if prepared else None
    return insert_unless_there(
        session, Firing, schedule_id=schedule.id, due_at=due, task_id=task_id, **came_to, **signed
    )


def _cancel(session: Session, task_id: str) -> None:
    task = locked(session, task_id)
    # It may have ended since the look.
    if task.state not in TERMINAL:
        cancel_in(session, task)


def _forget(session: Session, schedule: Schedule) -> None:
    mine = Firing.schedule_id == schedule.id
    oldest = select(Firing.due_at).where(mine).order_by(Firing.due_at.desc()).offset(KEPT).limit(1)
    last = session.scalar(oldest)
    if last is not None:
        gone = delete(Firing).where(mine, Firing.due_at <= last)
        session.execute(gone.execution_options(synchronize_session=False))


def _said(error: OpsCoreError | OSError) -> str:
    problems = error.problems if isinstance(error, InvalidInput) else []
    told = "; ".join(f"{each['path']}: {each['message']}" for each in problems) or str(error)
    return told if len(told) <= 300 else f"{told[:299]}…"
