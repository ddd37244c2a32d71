"""The circuit of an outside service: closed it is called, open it is left alone, then one call tries it.

    closed ──(OPENS_AFTER failures in a row)──> open ──(its rest is over)──> one trial ──(well)──> closed
                                                 ^                               │
                                                 └──────(wrong: twice as long)───┘

Each move is one compare-and-set by the database's clock, so any number of workers share it.  A trial whose worker
died is over at `trial_until`, and the next call is a trial then: nothing gets stuck.  Who asks: tasks/runs/services.py.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from models import event
from models.columns import database_now, seconds_since
from models.scope import current
from models.service import Service, make

OPENS_AFTER = 5
FIRST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=10)
TRIAL = timedelta(seconds=60)
LONGEST_ERROR = 300


@dataclass(frozen=True)
class Admitted:
    """The call may be made; with `trial` it is the one that tries an open circuit, and this is its mark."""

    trial: datetime | None = None


@dataclass(frozen=True)
class Refused:
    """Nobody calls it now."""

    retry_after: timedelta
    last_error: str


def look(session: Session, name: str) -> Admitted | Refused | None:
    """What a call would be told; None where it would be a trial, which only `try_it` gives away.  Writes nothing."""
    row = session.execute(
        select(
            seconds_since(Service.open_until),
            seconds_since(Service.trial_until),
            Service.last_error,
            Service.open_until,
        ).where(Service.name == name)
    ).one_or_none()
    if row is None or row[3] is None:
        return Admitted()
    left_s = max(-row[0], -row[1] if row[1] is not None else 0.0)
    return Refused(timedelta(seconds=left_s), row[2] or "") if left_s > 0 else None


def try_it(session: Session, name: str) -> Admitted | None:
    """Take the trial of a circuit whose rest is over; None when another was there first."""
    is_free = or_(Service.trial_until.is_(None), Service.trial_until <= database_now())
    taken = _moved(Service.name == name, Service.open_until <= database_now(), is_free)
    mark = session.scalar(taken.values(trial_until=database_now(TRIAL)).returning(Service.trial_until))
    return Admitted(mark) if mark is not None else None


def went_well(session: Session, name: str, call: Admitted) -> bool:
    """The service answered; True when that closed its circuit."""
    if call.trial is None:
        session.execute(_moved(Service.name == name, Service.open_until.is_(None)).values(failures=0))
        return False
    closed = _moved(*_of_trial(name, call)).values(failures=0, open_until=None, trial_until=None)
    service_id = session.scalar(closed.returning(Service.id))
    if service_id is not None:
        _tell(session, service_id, "service.closed", by="trial")
    return service_id is not None


def is_worth_telling(session: Session, name: str, call: Admitted) -> bool:
    """Whether a call that went well changes anything; spares a write after most calls."""
    failing = select(Service.id).where(Service.name == name, Service.failures > 0)
    return call.trial is not None or session.scalar(failing) is not None


def went_wrong(session: Session, name: str, call: Admitted, error: str) -> timedelta | None:
    """The service failed; how long it is left alone now, or None while its circuit stays closed."""
    make(session, name)
    seen: dict[str, Any] = {"failures": Service.failures + 1, "failed_at": database_now()}
    seen["last_error"] = error[:LONGEST_ERROR]
    row = session.execute(_failed(name, call).values(**seen).returning(Service.id, Service.failures)).one_or_none()
    # No row: others opened it meanwhile, or gave this trial up and began another; theirs counts.
    if row is None or row.failures < OPENS_AFTER:
        return None
    rest = rest_after(row.failures)
    opened = _moved(Service.id == row.id).values(open_until=database_now(rest), trial_until=None)
    session.execute(opened)
    _tell(
        session, row.id, "service.opened", failures=row.failures, for_s=rest.total_seconds(), error=seen["last_error"]
    )
    return rest


def knows_nothing(session: Session, name: str, call: Admitted) -> None:
    """The call ended before the service could show anything: a trial is given back for the next call to take."""
    session.execute(_moved(*_of_trial(name, call)).values(trial_until=None))


def reset(session: Session, name: str, reason: str = "") -> bool:
    """Close it by hand and forget its failures; False where there is no such service."""
    closed = _moved(Service.name == name).values(failures=0, open_until=None, trial_until=None)
    service_id = session.scalar(closed.returning(Service.id))
    if service_id is not None:
        _tell(session, service_id, "service.reset", by=current().author, **({"reason": reason} if reason else {}))
    return service_id is not None


def rest_after(failures: int) -> timedelta:
    """How long it is left alone after so many failures in a row: twice as long each time, up to the longest."""
    return min(LONGEST_REST, FIRST_REST * 2 ** min(failures - OPENS_AFTER, 10))


def _failed(name: str, call: Admitted) -> Any:
    # What was called before it opened says nothing new, or fifty calls at once would make the rest endless.
    is_counted = (Service.name == name, Service.open_until.is_(None)) if call.trial is None else _of_trial(name, call)
    return _moved(*is_counted)


def _of_trial(name: str, call: Admitted) -> tuple[Any, ...]:
    return Service.name == name, Service.open_until.is_not(None), Service.trial_until == call.trial


def _moved(*conditions: Any) -> Any:
    return update(Service).where(*conditions).execution_options(synchronize_session=False)


def _tell(session: Session, service_id: str, kind: str, **told: Any) -> None:
    counted = _moved(Service.id == service_id).values(event_count=Service.event_count + 1)
    number, tenant = session.execute(counted.returning(Service.event_count, Service.tenant)).one()
    event.record(session, "service", service_id, number, kind, tenant, **told)
