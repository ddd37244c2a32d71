"""The times of a schedule: which come after a given one, and what is wrong with a rule.

Cron lines are read as Debian's cron reads them, which keeps a day's work to once when clocks change: a time that
is left out in spring comes right after the gap, one that comes twice in autumn counts once, and only lines with `*`
as their minute or hour follow the clock itself.  What becomes of a time that has come: tasks/scheduling/schedules.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from models.errors import InvalidInput, Problem
from models.schedule import Repeats
from tasks.orders import timing
from tools import quantities
from tools.quantities import Measure

LEAST_S = 1
SHOWN = 5
CRON_CURE = "write five fields, minute hour day-of-month month day-of-week, such as 30 6 * * MON-FRI"


@dataclass(frozen=True)
class Recurrence:
    """A rule that has been read: a cron line, a number of seconds or one UTC time, as text, and a zone."""

    repeats: Repeats
    rule: str
    time_zone: str = "UTC"

    def after(self, at: datetime) -> datetime | None:
        """The first time later than `at`, in UTC; None when there is none.  An interval counts from `at`."""
        return next(self.all_after(at), None)

    def all_after(self, at: datetime) -> Iterator[datetime]:
        """The times later than `at`, in order."""
        if self.repeats == Repeats.INTERVAL:
            yield from self._each(at)
        elif self.repeats == Repeats.CRON:
            yield from self._cron(at)
        elif (once := datetime.fromisoformat(self.rule)) > at:
            yield once

    def skipping(self, due: datetime, at: datetime) -> datetime | None:
        """The first time later than `at` in the series that `due` belongs to."""
        if self.repeats != Repeats.INTERVAL or at < due:
            return self.after(max(due, at))
        step = timedelta(seconds=float(self.rule))
        return due + ((at - due) // step + 1) * step

    def latest(self, due: datetime, at: datetime, most: int) -> datetime:
        """Of the times from `due` to `at`, at most the last `most`: the first of these."""
        if self.repeats == Repeats.INTERVAL:
            step = timedelta(seconds=float(self.rule))
            return due + max((at - due) // step + 1 - most, 0) * step
        if self.repeats == Repeats.ONCE:
            return due
        local = (at + timedelta(microseconds=1)).astimezone(ZoneInfo(self.time_zone))
        oldest = due
        for each in islice(CronSim(self.rule, local, reverse=True), most):
            oldest = each.astimezone(UTC)
            if oldest <= due:
                return due
        return oldest

    def _each(self, at: datetime) -> Iterator[datetime]:
        step = timedelta(seconds=float(self.rule))
        while True:
            at += step
            yield at

    def _cron(self, at: datetime) -> Iterator[datetime]:
        for each in CronSim(self.rule, at.astimezone(ZoneInfo(self.time_zone))):
            found = each.astimezone(UTC)
            if found > at:
                yield found


def read(repeats: str, rule: str, time_zone: str, at: datetime) -> Recurrence:
    """The rule as it is kept; `at` is the time now.

    Raises:
        InvalidInput: one problem for each field that is wrong, with the cure.
    """
    found = []
    if repeats not in list(Repeats):
        found.append(_problem("repeats", f"must be one of {', '.join(Repeats)}"))
    if time_zone not in available_timezones():
        found.append(_problem("time_zone", "there is no such time zone; write a name such as Europe/Berlin or UTC"))
    if not found:
        try:
            kept = Recurrence(Repeats(repeats), _rule(Repeats(repeats), rule.strip(), time_zone), time_zone)
            if kept.after(at) is not None:
                return kept
            is_once = kept.repeats == Repeats.ONCE
            found.append(_problem("rule", "is past; give a later time" if is_once else "has no time to come"))
        except ValueError as error:
            found.append(_problem("rule", str(error)))
    raise InvalidInput("cannot use this rule", problems=found)


def next_times(recurrence: Recurrence, after: datetime, count: int = SHOWN) -> list[datetime]:
    """The next times, in UTC."""
    return list(islice(recurrence.all_after(after), count))


def in_words(recurrence: Recurrence) -> str:
    """The rule as a sentence without its zone: `At 06:30, Monday through Friday`, `Every 15 min`, `Once`."""
    if recurrence.repeats == Repeats.CRON:
        return CronSim(recurrence.rule, datetime.now(UTC)).explain()
    if recurrence.repeats == Repeats.INTERVAL:
        return f"Every {quantities.shown(float(recurrence.rule), Measure.SECONDS)}"
    return "Once"


def _rule(repeats: Repeats, rule: str, time_zone: str) -> str:
    if repeats == Repeats.CRON:
        return _cron(rule)
    if repeats == Repeats.INTERVAL:
        seconds = timing.span(rule).total_seconds()
        if seconds < LEAST_S:
            raise ValueError(f"must be {LEAST_S} s at least")
        return f"{seconds:g}" if seconds < 10**6 else f"{seconds:.0f}"
    return _moment(rule, time_zone).isoformat()


def _cron(rule: str) -> str:
    fields = rule.upper().split()
    if len(fields) != 5:
        raise ValueError(f"has {len(fields)} fields; {CRON_CURE}")
    try:
        CronSim(" ".join(fields), datetime.now(UTC))
    except CronSimError as error:
        raise ValueError(f"cannot be read ({str(error).lower()}); {CRON_CURE}") from error
    return " ".join(fields)


def _moment(rule: str, time_zone: str) -> datetime:
    """The time; one without a zone is of the schedule's."""
    try:
        local = datetime.fromisoformat(rule)
    except ValueError:
        return timing.moment(rule)  # which says what to write
    return timing.moment((local if local.tzinfo else local.replace(tzinfo=ZoneInfo(time_zone))).isoformat())


def _problem(path: str, message: str) -> Problem:
    return Problem(path=path, line=None, message=message)
