"""Times, durations, sizes and counts read as people say them."""

from datetime import UTC, datetime, timedelta

import pytest

from webapp import amounts

NOON = datetime(2026, 11, 21, 12, 0, 0, 125_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-300, "in 5 min 00 s"), (2, "just now"), (40, "40 s ago"), (150, "2 min ago"), (7300, "2 h ago"),
     (100_000, "yesterday"), (300_000, "3 days ago"), (1_600_000, "2 Nov"), (40_000_000, "15 Aug 2025")],
)  # fmt: skip
def test_an_age_is_said_in_its_largest_unit(seconds: int, words: str) -> None:
    assert amounts.ago(NOON - timedelta(seconds=seconds), NOON) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (0.034, "34 ms"), (0.9996, "1.0 s"), (1.24, "1.2 s"), (41.2, "41 s"), (59.6, "1 min 00 s"),
     (125, "2 min 05 s"), (11_400, "3 h 10 min"), (187_200, "2 d 4 h")],
)  # fmt: skip
def test_a_duration_has_two_units_at_most(seconds: float | None, words: str) -> None:
    assert amounts.duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(None, "–"), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (3400, "3.4 kB"), (999_600, "1.0 MB"),
     (21e10, "210 GB"), (5e15, "5000 TB")],
)  # fmt: skip
def test_a_size_never_shows_a_thousand_of_a_unit(count: float | None, words: str) -> None:
    assert amounts.size(count) == words


def test_a_time_element_carries_the_exact_time_in_utc() -> None:
    local = NOON.astimezone()
    assert 'title="2026-11-21 12:00:00.125 UTC"' in amounts.when(local)


def test_one_is_counted_in_the_singular() -> None:
    assert [amounts.counted(1, "file"), amounts.counted(1200, "file"), amounts.counted(2, "entry", "entries")] == [
        "1 file",
        "1,200 files",
        "2 entries",
    ]
