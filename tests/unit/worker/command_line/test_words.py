"""Events as the command line says them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from opscore_sdk import Event
from worker.command_line.words import day, in_words, killed, steps_done, when


@pytest.mark.parametrize(
    ("kind", "data", "line"),
    [
        ("step.finished", {"state": "succeeded", "title": "Count", "wall_s": 1.2}, "✓ Count (1.2 s)"),
        (
            "step.finished",
            {"state": "failed", "title": "Count", "wall_s": 90, "error": "Time limit reached: 90 s", "killed": 2},
            "✗ Count (1 min 30 s); Time limit reached: 90 s; 2 processes ended with the call",
        ),
        (
            "network.allowed",
            {"host": "files.example.org", "port": 443, "sent_bytes": 812, "received_bytes": 2_000_000},
            "connection to files.example.org:443: 812 B out, 2.0 MB in",
        ),
        (
            "network.refused",
            {"host": "10.0.0.1", "port": 443, "reason": "it is an address"},
            "connection to 10.0.0.1:443 refused: it is an address",
        ),
        ("events.left_out", {"counts": {"network.allowed": 9}}, "not listed one by one: 9 more network.allowed"),
        (
            "task.failed",
            {"message": "it broke", "why": "no attempt is left", "attempt": 3, "attempts": 3},
            "failed: it broke; no further attempt: no attempt is left (attempt 3 of 3)",
        ),
        ("task.failed", {"message": "it broke"}, "failed: it broke"),
        ("made.up", {"said": "so"}, "made up: said so"),
    ],
)
def test_an_event_is_one_line(kind: str, data: dict[str, Any], line: str) -> None:
    assert in_words(Event(number=1, kind=kind, data=data)) == line


def test_killed_processes_are_counted_in_words() -> None:
    assert [killed(0), killed(1), killed(2)] == [
        "",
        "1 process ended with the call",
        "2 processes ended with the call",
    ]


def test_a_time_names_its_zone_and_a_short_one_is_the_day_alone() -> None:
    past = datetime(2020, 2, 3, 4, 5, tzinfo=UTC)
    zone = past.astimezone().strftime("%Z")
    assert when(past) == f"{past.astimezone():%Y-%m-%d %H:%M} {zone}"
    assert (day(past), day(None)) == (f"{past.astimezone():%Y-%m-%d}", "–")


@pytest.mark.parametrize(
    ("done", "total", "said"), [(3, 5, "3 of 5 steps"), (1, 1, "1 of 1 step"), (11, 0, "11 steps"), (1, 0, "1 step")]
)
def test_steps_are_counted_of_all_only_where_somebody_knows_how_many(done: int, total: int, said: str) -> None:
    assert steps_done(done, total) == said
