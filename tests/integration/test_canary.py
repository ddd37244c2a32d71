"""A worker that is connected and takes nothing is found by a canary that lies untaken, and heals itself."""

import socket
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from kombu.exceptions import OperationalError
from pytest_celery import CeleryBrokerCluster
from sqlalchemy import select, update

from models import scope
from models.agent import Worker
from models.claim import Claimant, claim
from models.columns import database_now, now
from models.database import reading, writing
from models.event import Event
from models.queue import Queue
from tasks.queueing import canary
from tasks.queueing.canary import HINT, Watch
from tests.support.factories import make_agent, make_task, make_worker
from tests.support.processes import wait_until
from tests.support.workplace import LOOK, AgentWanted, Workplace, plan


class Broker:
    """Queues in memory, from which nobody takes anything unless the test does."""

    def __init__(self) -> None:
        self.queues: Counter[str] = Counter()
        self.is_there = True

    def lengths(self, queues: Iterable[str]) -> dict[str, int]:
        if not self.is_there:
            raise OperationalError("gone")
        return {queue: self.queues[queue] for queue in queues}

    def send(self, wake_ups: list[tuple[str, str]]) -> None:
        assert {hint for _, hint in wake_ups} <= {HINT}
        self.queues.update(queue for queue, _ in wake_ups)


@pytest.fixture
def broker(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Broker:
    found = Broker()
    monkeypatch.setattr(canary, "lengths", found.lengths)
    monkeypatch.setattr(canary, "send_wake_ups", found.send)
    return found


def hire(queue: str = "complexity.3", **values: Any) -> str:
    with writing() as session:
        agent = make_agent(session, values.pop("name", "scout"))
        return make_worker(session, agent, queues=[queue], concurrency=1, **values).id


def look(watch: Watch) -> tuple[int, int]:
    with scope.wide("system:reconciler"):
        return watch.round()


def grow_old() -> None:
    """Let the canaries have been sent a minute ago; those that were taken stay so."""
    with scope.wide("system:test"), writing() as session:
        session.execute(update(Queue).values(canary_sent_at=database_now(-2 * canary.EVERY)))


def row(worker_id: str) -> Worker:
    with reading() as session:
        return session.scalars(select(Worker).where(Worker.id == worker_id)).one()


def kinds() -> list[str]:
    with reading() as session:
        of_agent = select(Event.kind).where(Event.subject_kind == "agent").order_by(Event.number)
        return list(session.scalars(of_agent))


def test_each_queue_with_a_live_worker_gets_one_canary_at_a_time(broker: Broker) -> None:
    hire("complexity.3")
    hire("complexity.4", name="gone", last_seen_at=now() - timedelta(minutes=10))
    watch = Watch()
    assert look(watch) == (1, 0)
    assert broker.queues == {"complexity.3": 1}
    assert look(watch) == (0, 0)
    grow_old()
    assert look(watch) == (0, 0), "none is sent while the first may lie there"
    canary.note_taken("complexity.3")
    assert look(watch) == (1, 0)


def test_free_worker_beside_an_untaken_canary_is_deaf_at_the_second_look(broker: Broker) -> None:
    worker_id, watch = hire(), Watch()
    look(watch)
    grow_old()
    assert look(watch) == (0, 0)
    assert row(worker_id).deaf_since is None
    assert look(watch) == (0, 1)
    assert row(worker_id).deaf_since is not None
    assert look(watch) == (0, 0), "it is said once"
    canary.note_taken("complexity.3")
    look(watch)
    assert row(worker_id).deaf_since is None
    assert kinds() == ["worker.deaf", "worker.heard"]


def test_worker_without_a_free_place_is_not_deaf(broker: Broker) -> None:
    worker_id, watch = hire(), Watch()
    with writing() as session:
        make_task(session)
    with scope.wide("agent:scout"), writing() as session:
        assert claim(session, ["complexity.3"], Claimant("scout", worker_id, "host", 1, 1.0)) is not None
    look(watch)
    grow_old()
    assert [look(watch) for _ in range(3)] == [(0, 0)] * 3
    assert row(worker_id).deaf_since is None


def test_canary_that_the_broker_lost_is_sent_anew_and_says_nothing_of_the_workers(broker: Broker) -> None:
    worker_id, watch = hire(), Watch()
    look(watch)
    for _ in range(3):
        broker.queues.clear()
        grow_old()
        assert look(watch) == (1, 0)
    assert row(worker_id).deaf_since is None


def test_deaf_worker_stays_so_when_its_canary_is_lost_until_one_is_taken(broker: Broker) -> None:
    worker_id, watch = hire(), Watch()
    look(watch)
    grow_old()
    assert [look(watch), look(watch)] == [(0, 0), (0, 1)]
    broker.queues.clear()
    assert look(watch) == (1, 0)
    assert row(worker_id).deaf_since is not None
    canary.note_taken("complexity.3")
    look(watch)
    assert row(worker_id).deaf_since is None


def test_nobody_is_deaf_while_the_broker_is_away(broker: Broker) -> None:
    worker_id, watch = hire(), Watch()
    look(watch)
    grow_old()
    look(watch)
    broker.is_there = False
    assert look(watch) == (0, 0)
    broker.is_there = True
    assert look(watch) == (0, 0)
    assert row(worker_id).deaf_since is None


@pytest.fixture(scope="module")
def database_kind() -> str:
    return "sqlite"


def test_worker_that_was_made_deaf_is_found_and_hears_again(
    workplace: Workplace, celery_broker_cluster: CeleryBrokerCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "EVERY", timedelta(seconds=1))
    monkeypatch.setattr(canary, "TAKEN_WITHIN", timedelta(seconds=1))
    worker, watch = workplace.ready_worker(AgentWanted("listener", "6")), Watch()
    assert workplace.succeeded(workplace.submit(plan(LOOK), complexity=6)).agent == "listener"
    for queue in ("complexity.6", "agent.listener"):
        told = workplace.celery("control", "cancel_consumer", queue, "-d", f"listener@{socket.gethostname()}")
        assert told.returncode == 0, told.stderr
    task_id = workplace.submit(plan(LOOK), complexity=6)
    with scope.wide("system:reconciler"):
        wait_until(lambda: watch.round()[1], 60, "a deaf worker")
    worker.wait_for_log("its consumer is started anew", timeout=60)
    assert workplace.succeeded(task_id).agent == "listener"

    def said() -> list[str]:
        watch.round()
        with scope.acting("person:alice"), reading() as session:
            of_agent = select(Event.kind).where(Event.subject_kind == "agent").order_by(Event.number)
            return list(session.scalars(of_agent))

    with scope.wide("system:reconciler"):
        wait_until(lambda: said() == ["worker.registered", "worker.deaf", "worker.heard"], 60, "all is well again")
    assert worker.container.status == "running"
