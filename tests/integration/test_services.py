"""What all workers know of outside services, at work in the calls of several of them at the same time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from models.circuit import OPENS_AFTER
from models.columns import database_now
from models.database import reading, writing
from models.errors import InvalidInput, ServiceUnavailable, ToolFailed
from models.service import Service
from tasks.runs import services
from tasks.runs.services import SharedServices

NAME = "web:example.org"


@dataclass
class Worker:
    """The services as one worker's call has them, and what it told."""

    rates: dict[str, str] = field(default_factory=dict)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    is_cancelled: bool = False

    @property
    def services(self) -> SharedServices:
        return SharedServices(self.rates, self.tell, lambda: self.is_cancelled)

    def tell(self, kind: str, **details: Any) -> None:
        self.told.append((kind, details))

    def call(self, reason: str = "") -> None:
        """A call that goes wrong for that reason, or well."""
        with self.services.using(NAME) as use:
            if reason:
                use.went_wrong(reason)

    def break_down(self, error: Exception) -> None:
        """A call that ends with an error."""
        with pytest.raises(type(error)), self.services.using(NAME):
            raise error


@pytest.fixture
def worker(app: Flask) -> Worker:
    return Worker()


def row() -> Service | None:
    with reading() as session:
        return session.scalars(select(Service).where(Service.name == NAME)).one_or_none()


def test_service_that_is_well_leaves_no_row(worker: Worker) -> None:
    for _ in range(3):
        worker.call()
    assert row() is None


def test_what_one_worker_finds_out_all_know(worker: Worker) -> None:
    other = Worker()
    for _ in range(OPENS_AFTER):
        worker.call("HTTP 503")
    with pytest.raises(ServiceUnavailable) as refused:
        other.call()
    assert refused.value.transient
    assert refused.value.details["last_error"] == "HTTP 503"
    assert 0 < refused.value.details["retry_after_s"] <= 30
    assert worker.told == [("service.opened", {"service": NAME, "for_s": 30.0, "error": "HTTP 503"})]
    with writing() as session:
        session.execute(update(Service).values(open_until=database_now(timedelta(seconds=-1))))
    other.call()
    assert other.told == [("service.closed", {"service": NAME})]
    worker.call()


def test_transient_failure_of_the_tool_is_the_services_and_any_other_error_shows_nothing(worker: Worker) -> None:
    worker.break_down(ToolFailed("cannot fetch it: connection refused"))
    worker.break_down(ToolFailed("cannot take this content type", transient=False))
    worker.break_down(InvalidInput("cannot follow it"))
    found = row()
    assert found is not None
    assert (found.failures, found.last_error) == (1, "cannot fetch it: connection refused")
    worker.call()
    found = row()
    assert found is not None and found.failures == 0


def test_trial_whose_call_breaks_otherwise_is_given_to_the_next(worker: Worker) -> None:
    for _ in range(OPENS_AFTER):
        worker.call("HTTP 503")
    with writing() as session:
        session.execute(update(Service).values(open_until=database_now(timedelta(seconds=-1))))
    worker.break_down(InvalidInput("cannot follow it"))
    worker.call()
    assert worker.told[-1][0] == "service.closed"


def test_call_waits_for_its_turn_and_says_so(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    clock = iter(range(100))
    # Not the module's own functions: every thread of this process would have them.
    its_time = SimpleNamespace(monotonic=lambda: float(next(clock)), sleep=slept.append)
    monkeypatch.setattr(services, "time", its_time)
    worker.rates = {NAME: "6/min"}
    worker.call()
    assert (slept, worker.told) == ([], [])
    worker.call()
    assert slept
    assert [kind for kind, _ in worker.told] == ["call.delayed"]


def test_call_that_would_wait_too_long_is_not_made(worker: Worker) -> None:
    worker.rates = {NAME: "1/h"}
    worker.call()
    with pytest.raises(ServiceUnavailable) as refused:
        worker.call()
    assert refused.value.details["retry_after_s"] > 3000


def test_who_is_cancelled_waits_no_longer(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(services, "time", SimpleNamespace(monotonic=time.monotonic, sleep=slept.append))
    worker.rates = {NAME: "3/min"}
    worker.call()
    worker.is_cancelled = True
    worker.call()
    assert slept == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [("web:a.example", "5/s"), ("web:b.example", "1/s"), ("git:a.example", None), ("web.fetch", "2/s")],
)
def test_own_rate_counts_before_that_of_a_pattern(name: str, expected: str | None) -> None:
    rates = {"web:*": "5/s", "web:b.*": "1/s", "web.fetch": "2/s"}
    assert services.written_rate(rates, name) == expected


def test_database_that_is_away_keeps_nobody_from_calling(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def away() -> Iterator[None]:
        raise OperationalError("SELECT", {}, Exception("the database is away"))
        yield

    monkeypatch.setattr(services, "reading", away)
    monkeypatch.setattr(services, "writing", away)
    worker.rates = {NAME: "1/h"}
    for _ in range(3):
        worker.call("HTTP 503")
    assert worker.told == []
