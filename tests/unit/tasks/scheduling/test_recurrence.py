"""The times of a schedule: cron lines over the changes of clocks, intervals, one time; and rules that are refused."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InvalidInput
from models.schedule import Repeats
from tasks.scheduling.recurrence import Recurrence, in_words, next_times, read

BERLIN = "Europe/Berlin"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cron(line: str, after: str, count: int, zone: str = BERLIN) -> list[str]:
    """The next times, in the zone and with its offset."""
    found = next_times(Recurrence(Repeats.CRON, line, zone), utc(after), count)
    return [each.astimezone(ZoneInfo(zone)).isoformat() for each in found]


def test_time_that_spring_leaves_out_comes_right_after_the_gap() -> None:
    assert cron("30 2 * * *", "2026-03-28 12:00", 2) == ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]


def test_time_that_autumn_has_twice_comes_once() -> None:
    assert cron("30 2 * * *", "2026-10-24 12:00", 2) == ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]


def test_every_half_hour_goes_on_through_both_hours_of_autumn() -> None:
    found = cron("*/30 * * * *", "2026-10-25 00:00", 4)
    assert [each[11:22] for each in found] == ["02:30:00+02", "02:00:00+01", "02:30:00+01", "03:00:00+01"]


def test_every_half_hour_leaps_over_the_gap_of_spring() -> None:
    found = cron("*/30 * * * *", "2026-03-29 00:00", 3)
    assert [each[11:22] for each in found] == ["01:30:00+01", "03:00:00+02", "03:30:00+02"]


def test_daily_time_stays_the_same_on_the_clock_of_its_zone() -> None:
    found = cron("0 6 * * *", "2026-03-27 12:00", 3, "America/New_York")
    assert {each[11:16] for each in found} == {"06:00"}


def test_interval_counts_from_the_time_before() -> None:
    rule = Recurrence(Repeats.INTERVAL, "900")
    assert next_times(rule, NOW, 2) == [NOW + timedelta(minutes=15), NOW + timedelta(minutes=30)]
    assert rule.skipping(NOW, NOW + timedelta(minutes=31)) == NOW + timedelta(minutes=45)


def test_one_time_is_read_in_the_schedules_zone() -> None:
    rule = read("once", "2026-12-01 09:00", BERLIN, NOW)
    assert next_times(rule, NOW) == [utc("2026-12-01 08:00")]
    assert rule.after(utc("2026-12-01 08:00")) is None


@pytest.mark.parametrize("repeats, rule", [("cron", "* * * * *"), ("interval", "60")])
def test_of_many_missed_times_the_latest_are_found_without_walking_all(repeats: str, rule: str) -> None:
    due = NOW - timedelta(days=3650)
    found = Recurrence(Repeats(repeats), rule).latest(due, NOW, 100)
    assert found == NOW - timedelta(minutes=99)


@given(
    st.sampled_from(["30 2 * * *", "*/17 * * * *", "0 3 * * SUN", "59 23 L * *", "0 0 1 1 *", "15 1,2,3 * 3,10 *"]),
    st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
)
def test_times_of_a_cron_line_rise_and_lie_after_the_start(line: str, zone: str, at: datetime) -> None:
    found = list(islice(Recurrence(Repeats.CRON, line, zone).all_after(at), 6))
    assert found[0] > at
    assert all(before < after for before, after in pairwise(found))


@pytest.mark.parametrize(
    ("repeats", "rule", "zone", "path", "cure"),
    [
        ("cron", "* * *", "UTC", "rule", "has 3 fields; write five fields"),
        ("cron", "61 * * * *", "UTC", "rule", "cannot be read (bad minute); write five fields"),
        ("cron", "0 0 30 2 *", "UTC", "rule", "cannot be read (bad day-of-month)"),
        ("cron", "0 6 * * *", "Mars/Olympus", "time_zone", "write a name such as Europe/Berlin"),
        ("interval", "now and then", "UTC", "rule", "write a time such as 90 s"),
        ("interval", "0.1 s", "UTC", "rule", "must be 1 s at least"),
        ("once", "tomorrow", "UTC", "rule", "write a time with its zone"),
        ("once", "2020-01-01T00:00:00Z", "UTC", "rule", "is past; give a later time"),
        ("yearly", "1", "UTC", "repeats", "must be one of cron, interval, once"),
    ],
)
def test_wrong_rule_names_its_field_and_cure(repeats: str, rule: str, zone: str, path: str, cure: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(repeats, rule, zone, NOW)
    (problem,) = refused.value.problems
    assert problem["path"] == path
    assert cure in problem["message"]


def test_rule_is_said_in_words() -> None:
    assert in_words(read("cron", "30 6 * * mon-fri", BERLIN, NOW)) == "At 06:30 on Monday through Friday"
    assert in_words(read("interval", "15 min", "UTC", NOW)) == "Every 15 min"
