"""A deaf worker tries the mildest cure first, gives each its time, and begins anew once it hears."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from worker import healing
from worker.healing import PATIENCE_S, Healing

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Tried:
    """What was done, at a clock that the test sets; nothing is ended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = 0.0
        self.cures: list[str] = []
        self.running: set[str] = set()
        monkeypatch.setattr(healing, "subscribe", lambda *_: self.cures.append("queues"))
        monkeypatch.setattr(healing.os, "kill", lambda *_: self.cures.append("in order"))
        monkeypatch.setattr(healing.os, "_exit", lambda _: self.cures.append("at once"))
        monkeypatch.setattr(healing.time, "monotonic", lambda: self.at)
        consumer = SimpleNamespace(call_soon=lambda _: self.cures.append("consumer"))
        worker: Any = SimpleNamespace(app=None, consumer=consumer, state=SimpleNamespace(active_requests=self.running))
        self.healing = Healing(worker, None)  # type: ignore[arg-type]

    def look(self, deaf_since: datetime | None, later_s: float = 0) -> list[str]:
        self.at += later_s
        self.cures.clear()
        self.healing.look(deaf_since)
        return list(self.cures)


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Tried:
    return Tried(monkeypatch)


def test_worker_that_hears_does_nothing(tried: Tried) -> None:
    assert tried.look(None) == []


def test_each_cure_gets_its_time_before_the_next(tried: Tried) -> None:
    assert tried.look(NOON) == ["queues", "consumer"]
    assert tried.look(NOON, PATIENCE_S / 2) == []
    assert tried.look(NOON, PATIENCE_S) == ["in order"]
    assert tried.look(NOON, PATIENCE_S / 2) == []
    assert tried.look(NOON, PATIENCE_S) == ["at once"]


def test_worker_that_hears_again_begins_with_the_mildest_the_next_time(tried: Tried) -> None:
    tried.look(NOON)
    tried.look(NOON, PATIENCE_S + 1)
    assert tried.look(None) == []
    assert tried.look(NOON) == ["queues", "consumer"]


def test_worker_does_not_end_at_once_while_a_task_runs(tried: Tried) -> None:
    tried.running.add("a task")
    tried.look(NOON)
    tried.look(NOON, PATIENCE_S + 1)
    assert tried.look(NOON, PATIENCE_S + 1) == []
    tried.running.clear()
    assert tried.look(NOON, PATIENCE_S + 1) == ["at once"]
