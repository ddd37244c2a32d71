"""An agent's colour, and the reason for it."""

from datetime import UTC, datetime, timedelta

import pytest

from models.agent import SILENT_AFTER, Agent, Light, Worker, light

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def worker(silent: timedelta = timedelta(), **values: object) -> Worker:
    facts = {"sandbox": {"tier": 1}, "host_load": 0.5, "stopped_at": None}
    return Worker(last_seen_at=NOW - silent, **{**facts, **values})


LATE = SILENT_AFTER + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("workers", "colour", "reason"),
    [
        ([], Light.RED, "no worker is running"),
        ([worker(stopped_at=NOW)], Light.RED, "no worker is running"),
        ([worker(LATE)], Light.RED, "silent for 20 s"),
        ([worker(LATE), worker()], Light.YELLOW, "1 of 2 workers are silent"),
        ([worker(deaf_since=NOW)], Light.RED, "connected, but takes nothing since 12:00:00 UTC; its consumer is being"),
        ([worker(deaf_since=NOW), worker()], Light.YELLOW, "1 of 2 workers: connected, but takes nothing since"),
        ([worker(sandbox={"tier": 4})], Light.YELLOW, "no sandbox"),
        ([worker(host_load=2.5)], Light.YELLOW, "overloaded"),
        ([worker(), worker(SILENT_AFTER)], Light.GREEN, "working normally"),
    ],
)
def test_colour_and_reason_follow_from_the_workers(workers: list[Worker], colour: Light, reason: str) -> None:
    shown, said = light(Agent(name="scout", workers=workers), NOW)
    assert shown is colour
    assert reason in said
