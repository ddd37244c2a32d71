"""When a task may start and by when it must have ended, read from what somebody wrote.

A moment is RFC 3339 with a zone, `2026-12-01T06:00:00+01:00`; a span is `90 s`, `5 min`, `2 h`, `1 day`.  Both are
counted from the database's clock, which is the one that they are compared with later.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from models.errors import Problem
from tools import quantities
from tools.quantities import Measure

LONGEST = timedelta(days=3660)
MOMENT = "2026-12-01T06:00:00+01:00"


@dataclass(frozen=True)
class Timing:
    """The times of a task; None for at once, and for no end."""

    waits_until: datetime | None = None
    deadline_at: datetime | None = None


def moment(written: object) -> datetime:
    """The time in UTC.

    Raises:
        ValueError: it is none, or does not say in which zone; the message says what to write.
    """
    cure = f"write a time with its zone, such as {MOMENT}"
    if not isinstance(written, str):
        raise ValueError(cure)
    try:
        found = datetime.fromisoformat(written.strip())
        if found.tzinfo is None:
            raise ValueError("no zone")
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(cure) from error


def span(written: object) -> timedelta:
    """The length of time.

    Raises:
        ValueError: it is none, or longer than `LONGEST`; the message says what to write.
    """
    seconds = quantities.read(written, Measure.SECONDS)
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"must be {LONGEST.days} days at most")
    return timedelta(seconds=seconds)


def says_something(start_at: str | None, delay: Any, deadline: Any) -> bool:
    """Whether there is anything to be read, which takes a look at the clock."""
    return any(each is not None for each in (start_at, delay, deadline))


def read(start_at: str | None, delay: Any, deadline: Any, at: datetime) -> tuple[Timing, list[Problem]]:
    """The times as they are at the time `at`, and what is wrong with those that were written."""
    found: list[Problem] = []
    begins = _read("start_at", start_at, moment, found)
    later = _read("delay", delay, span, found)
    if begins is not None and later is not None:
        found.append(_problem("delay", "say either when it starts or how long it waits, not both"))
    waits_until = begins if later is None else at + later
    if waits_until is not None and waits_until <= at:
        waits_until = None
    elif waits_until is not None and waits_until > at + LONGEST:
        found.append(_problem("start_at", f"must be within {LONGEST.days} days from now"))
    ends = _read("deadline", deadline, lambda written: _end(written, waits_until or at), found)
    if ends is not None and ends <= (waits_until or at):
        found.append(_problem("deadline", "must be later than the start; give a later time, or a length such as 2 h"))
    return Timing(waits_until, ends), found


def _end(written: object, starts_at: datetime) -> datetime:
    try:
        return starts_at + span(written)
    except ValueError as error:
        try:
            return moment(written)
        except ValueError:
            message = f"write a length of time from the start, such as 2 h, or a time with its zone, such as {MOMENT}"
            raise ValueError(message) from error


def _read(name: str, written: object, reader: Callable[[object], Any], found: list[Problem]) -> Any:
    if written is None:
        return None
    try:
        return reader(written)
    except ValueError as error:
        found.append(_problem(name, str(error)))
        return None


def _problem(path: str, message: str) -> Problem:
    return Problem(path=path, line=None, message=message)
