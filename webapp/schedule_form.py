"""What stands in the form of a schedule: when it comes, beside the draft of what it submits (new_task_form.py)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from models.errors import InvalidInput, Problem
from models.schedule import Missed, Overlap, Repeats, Schedule
from tasks.orders.submission import Order
from tasks.scheduling import recurrence, schedules
from tasks.scheduling.schedules import Wanted
from tools import quantities
from tools.quantities import Measure
from webapp.limit_form import begun

REPEATS = {
    Repeats.CRON: "By a cron line",
    Repeats.INTERVAL: "Again and again after the same time",
    Repeats.ONCE: "Once",
}
RULE_HINTS = {
    Repeats.CRON: "Minute, hour, day of month, month, day of week: 30 6 * * MON-FRI is every working day at 06:30.",
    Repeats.INTERVAL: "A length of time: 90 s, 15 min, 6 h, 1 day.",
    Repeats.ONCE: "A time in this time zone: 2030-12-01 06:30.",
}
MISSED = {
    Missed.ONE: "One task for all of them",
    Missed.ALL: "A task for each, 100 at most",
    Missed.SKIP: "No task",
}
OVERLAP = {
    Overlap.SKIP: "Leave this time out",
    Overlap.ALLOW: "Submit all the same",
    Overlap.REPLACE: "Cancel the one before",
}


@dataclass
class When:
    """Name and rule of a schedule that is being written, as typed."""

    name: str = ""
    repeats: str = Repeats.CRON
    rule: str = ""
    time_zone: str = ""
    missed: str = Missed.ONE
    overlap: str = Overlap.SKIP
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def sent(cls, form: Mapping[str, str]) -> "When":
        """What was sent."""
        names = ("name", "repeats", "rule", "time_zone", "missed", "overlap")
        name, repeats, rule, time_zone, missed, overlap = (form.get(each, "").strip() for each in names)
        return cls(name, repeats, rule, time_zone, missed, overlap)

    @classmethod
    def like(cls, schedule: Schedule) -> "When":
        """As the schedule is."""
        kept = schedules.described(schedule)
        rule = _as_typed(schedule)
        return cls(kept.name, kept.repeats, rule, kept.time_zone, kept.missed, kept.overlap)

    def wanted(self, order: Order) -> Wanted:
        """The schedule that this describes."""
        return Wanted(self.name, order, self.repeats, self.rule, self.time_zone or "UTC", self.missed, self.overlap)

    def problem_of(self, name: str) -> str:
        """What is wrong with the field."""
        return next((begun(each["message"]) for each in self.problems if each["path"] == name), "")


@dataclass(frozen=True)
class Preview:
    """What a rule comes to: a sentence and its next times, or what is wrong with it."""

    words: str = ""
    times: tuple[tuple[datetime, datetime], ...] = ()
    """Each in the zone and in UTC."""
    problems: tuple[str, ...] = ()


def preview(when: When) -> Preview | None:
    """What the rule that was typed comes to; None while there is none."""
    if not when.rule:
        return None
    zone = when.time_zone or "UTC"
    try:
        kept, times = schedules.preview(when.repeats, when.rule, zone)
    except InvalidInput as error:
        return Preview(problems=tuple(f"{_named(each['path'])} {each['message']}" for each in error.problems))
    return Preview(recurrence.in_words(kept), in_zone(times, zone))


def in_zone(times: list[datetime], zone: str) -> tuple[tuple[datetime, datetime], ...]:
    """Each time in the zone and in UTC."""
    return tuple((at.astimezone(ZoneInfo(zone)), at) for at in times)


@cache
def zones() -> list[str]:
    """The time zones that people choose from."""
    return sorted(name for name in available_timezones() if "/" in name or name == "UTC")


def _as_typed(schedule: Schedule) -> str:
    if schedule.repeats == Repeats.INTERVAL:
        return quantities.shown(float(schedule.rule), Measure.SECONDS)
    if schedule.repeats == Repeats.ONCE:
        at = datetime.fromisoformat(schedule.rule).astimezone(ZoneInfo(schedule.time_zone))
        return f"{at:%Y-%m-%d %H:%M:%S}"
    return schedule.rule


def _named(path: str) -> str:
    return {"rule": "The rule", "time_zone": "Time zone:"}.get(path, path)
