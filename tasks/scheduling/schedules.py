"""What people do with schedules: make, change, pause, resume, run now and delete them.  All runs within `acting(…)`.

Which times a rule has: recurrence.py.  What happens when one has come: firing.py.  The tables: models/schedule.py.
"""

from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import event
from models.columns import clock, new_id
from models.database import reading, writing
from models.errors import Conflict, InvalidInput, NotFound, Problem
from models.schedule import Firing, Missed, Outcome, Overlap, Repeats, Schedule
from models.task import Task
from tasks.orders import timing
from tasks.orders.submission import Order, prepare, write
from tasks.scheduling import recurrence
from tasks.scheduling.recurrence import Recurrence

LONGEST_NAME = 80
# A schedule says itself when a task starts, and its firing is what makes a task the only one.
NOT_IN_AN_ORDER = ("start_at", "delay", "idempotency_key")


@dataclass(frozen=True)
class Wanted:
    """A schedule as somebody describes it; the texts may be wrong."""

    name: str
    order: Order
    repeats: str = Repeats.CRON
    rule: str = ""
    time_zone: str = "UTC"
    missed: str = Missed.ONE
    overlap: str = Overlap.SKIP


def create(wanted: Wanted) -> Schedule:
    """Keep a new schedule; its first time is the next one of its rule.

    Raises:
        InvalidInput: its `problems` name every field that is wrong; those of the order begin with `order.`.
    """
    rule, at = _checked(wanted)
    schedule = Schedule(id=new_id(), event_count=1, next_at=rule.after(at), **_columns(wanted, rule))
    try:
        with writing() as session:
            session.add(schedule)
            session.flush()
            event.record(session, "schedule", schedule.id, 1, "schedule.created", schedule.tenant, name=schedule.name)
    except IntegrityError as error:
        raise _taken(wanted.name) from error
    return schedule


def change(schedule_id: str, wanted: Wanted) -> Schedule:
    """Make the schedule what is described; one that is paused stays so.

    Raises:
        InvalidInput: as for `create`.
        NotFound: there is none.
    """
    rule, at = _checked(wanted, find(schedule_id))
    values = _columns(wanted, rule)
    try:
        with writing() as session:
            # Locked: one that is paused meanwhile must not get a next time.
            before = _found(session, schedule_id, is_locked=True)
            if before.paused_at is None and _rule_of(before) != rule:
                values["next_at"] = rule.after(at)
            return _written(session, schedule_id, "schedule.changed", "change", values)
    except IntegrityError as error:
        raise _taken(wanted.name) from error


def described(schedule: Schedule) -> Wanted:
    """The schedule as somebody would describe it."""
    texts = {each.name: str(getattr(schedule, each.name)) for each in fields(Wanted) if each.name != "order"}
    return Wanted(order=order_of(schedule), **texts)


def order_of(schedule: Schedule) -> Order:
    """What it submits.

    Raises:
        InvalidInput: an earlier version kept it, and this one does not know a field of it.
    """
    try:
        return Order(**schedule.order)
    except TypeError as error:
        message = f"cannot be used by this version ({error}); change the schedule"
        raise InvalidInput("cannot submit", problems=[_problem("order", message)]) from error


def pause(schedule_id: str) -> Schedule:
    """Submit nothing until it is resumed.

    Raises:
        Conflict: it is paused already, or has no time left.
        NotFound: there is none.
    """
    with writing() as session:
        values = {"paused_at": clock(session.connection()), "next_at": None}
        return _written(session, schedule_id, "schedule.paused", "pause", values, Schedule.next_at.is_not(None))


def resume(schedule_id: str) -> Schedule:
    """Go on with the next time from now; what would have been meanwhile is not made up for.

    Raises:
        Conflict: it is not paused, or its one time has passed.
        NotFound: there is none.
    """
    with writing() as session:
        # Locked: the next time is of the rule as it is, not of one that is changed meanwhile.
        rule = _rule_of(_found(session, schedule_id, is_locked=True))
        next_at = rule.after(clock(session.connection()))
        if next_at is None:
            cure = "its time has passed; change it to a later one"
            raise Conflict(f"cannot resume schedule: {cure}", schedule=schedule_id)
        values = {"paused_at": None, "next_at": next_at}
        return _written(session, schedule_id, "schedule.resumed", "resume", values, Schedule.paused_at.is_not(None))


def remove(schedule_id: str) -> None:
    """Delete the schedule and its firings; the tasks that it submitted stay.

    Raises:
        NotFound: there is none.
    """
    with writing() as session:
        gone = _written(session, schedule_id, "schedule.deleted", "delete", {})
        session.execute(delete(Schedule).where(Schedule.id == gone.id).execution_options(synchronize_session=False))


def run_now(schedule_id: str) -> Task:
    """Submit its task at once, beside its own times and whatever runs.

    Raises:
        InvalidInput: its order is wrong by now.
        NotFound: there is none.
    """
    schedule = find(schedule_id)
    prepared = prepare(order_of(schedule), schedule.id)
    with writing() as session:
        at = clock(session.connection())
        session.add(Firing(schedule_id=schedule.id, due_at=at, outcome=Outcome.SUBMITTED, task_id=prepared.task.id))
        session.execute(update(Schedule).where(Schedule.id == schedule.id).values(last_at=at))
        return write(session, prepared, schedule=schedule.name)


def find(schedule_id: str) -> Schedule:
    """The schedule with this id.

    Raises:
        NotFound: there is none.
    """
    with reading() as session:
        return _found(session, schedule_id)


def next_times(schedule: Schedule, count: int = recurrence.SHOWN) -> list[datetime]:
    """Its next times, in UTC; none while it is paused or after its last."""
    if schedule.next_at is None:
        return []
    return [schedule.next_at, *recurrence.next_times(_rule_of(schedule), schedule.next_at, count - 1)]


def preview(repeats: str, rule: str, time_zone: str) -> tuple[Recurrence, list[datetime]]:
    """The rule as it would be kept, and the next times that it would have, in UTC.

    Raises:
        InvalidInput: its `problems` name every field that is wrong.
    """
    with reading() as session:
        at = clock(session.connection())
    kept = recurrence.read(repeats, rule, time_zone, at)
    return kept, recurrence.next_times(kept, at)


def _checked(wanted: Wanted, before: Schedule | None = None) -> tuple[Recurrence, datetime]:
    """The rule and the time now; every problem of the whole at once."""
    found = [*_problems(wanted), *_problems_of_order(wanted.order)]
    with reading() as session:
        at = clock(session.connection())
    kept = before is not None and _rule_of(before)
    rule = Recurrence(Repeats.CRON, "")
    try:
        if kept and (wanted.repeats, wanted.rule, wanted.time_zone) == (kept.repeats, kept.rule, kept.time_zone):
            rule = kept  # one whose time has passed may still get another name
        else:
            rule = recurrence.read(wanted.repeats, wanted.rule, wanted.time_zone, at)
    except InvalidInput as error:
        found += error.problems
    if found:
        raise InvalidInput("cannot keep this schedule", problems=found)
    return rule, at


def _problems(wanted: Wanted) -> list[Problem]:
    found = []
    if not 0 < len(wanted.name.strip()) <= LONGEST_NAME:
        found.append(_problem("name", f"give it a name of {LONGEST_NAME} characters at most"))
    for name, known in (("missed", Missed), ("overlap", Overlap)):
        if getattr(wanted, name) not in list(known):
            found.append(_problem(name, f"must be one of {', '.join(known)}"))
    return found


def _problems_of_order(order: Order) -> list[Problem]:
    cure = "a schedule says itself when a task starts; leave this out"
    found = [_problem(f"order.{name}", cure) for name in NOT_IN_AN_ORDER if getattr(order, name) is not None]
    try:
        if order.deadline is not None:
            timing.span(order.deadline)
    except ValueError:
        found.append(_problem("order.deadline", "write a length of time from each task's start, such as 2 h"))
    try:
        prepare(replace(order, start_at=None, delay=None, idempotency_key=None, deadline=None))
    except InvalidInput as error:
        found += [Problem(**{**each, "path": f"order.{each['path']}"}) for each in error.problems]
    return found


def _columns(wanted: Wanted, rule: Recurrence) -> dict[str, Any]:
    nothing = asdict(Order())
    said = {name: value for name, value in asdict(wanted.order).items() if value != nothing[name]}
    return {
        "name": wanted.name.strip(),
        "order": said,
        "repeats": rule.repeats,
        "rule": rule.rule,
        "time_zone": rule.time_zone,
        "missed": Missed(wanted.missed),
        "overlap": Overlap(wanted.overlap),
    }


def _written(
    session: Session, schedule_id: str, kind: str, verb: str, values: dict[str, Any], *conditions: ColumnElement[bool]
) -> Schedule:
    """Write the values and the event."""
    changed = update(Schedule).where(Schedule.id == schedule_id, *conditions)
    changed = changed.values(event_count=Schedule.event_count + 1, **values).returning(Schedule)
    options = {"synchronize_session": False, "populate_existing": True}
    schedule = session.scalars(changed.execution_options(**options)).one_or_none()
    if schedule is None:
        standing = state_of(_found(session, schedule_id))
        raise Conflict(f"cannot {verb} schedule: it is {standing}", schedule=schedule_id)
    event.record(session, "schedule", schedule.id, schedule.event_count, kind, schedule.tenant, name=schedule.name)
    return schedule


def state_of(schedule: Schedule) -> str:
    """`active`, `paused`, or `ended` when it has no time left."""
    if schedule.paused_at is not None:
        return "paused"
    return "active" if schedule.next_at is not None else "ended"


def _found(session: Session, schedule_id: str, *, is_locked: bool = False) -> Schedule:
    wanted = select(Schedule).where(Schedule.id == schedule_id)
    schedule = session.scalars(wanted.with_for_update() if is_locked else wanted).one_or_none()
    if schedule is None:
        raise NotFound("cannot find the schedule: there is none with this id", schedule=schedule_id)
    return schedule


def _rule_of(schedule: Schedule) -> Recurrence:
    return Recurrence(schedule.repeats, schedule.rule, schedule.time_zone)


def _taken(name: str) -> InvalidInput:
    message = "another schedule has this name; choose another one"
    return InvalidInput(f"cannot keep the schedule {name}", problems=[_problem("name", message)])


def _problem(path: str, message: str) -> Problem:
    return Problem(path=path, line=None, message=message)
