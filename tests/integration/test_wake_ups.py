"""A queue holds as many wake-ups as its workers have places and a few; none while nothing may be claimed from it."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from models import scope
from models.agent import Agent
from models.claim import Claimant, claim
from models.columns import now
from models.database import writing
from models.queue import EVERY, Queue
from tasks.queueing.wake_ups import A_FEW, wanted
from tests.support.factories import make_agent, make_task, make_worker

SCOUT, BUILDER = "complexity.3", "complexity.8"


@pytest.fixture(autouse=True)
def place(app: Flask) -> None:
    """Thirty tasks wait in two queues; one agent has two workers of two places for one, and nobody serves the other."""
    with writing() as session:
        agent = make_agent(session, "scout", 3, 3)
        for number in range(2):
            make_worker(session, agent, nodename=f"scout-{number}@host")
        for number in range(30):
            make_task(session, complexity=3 if number % 2 else 8)


def counted() -> dict[str, int]:
    with scope.wide("system:reconciler"):
        return {queue: len(hints) for queue, hints in wanted(None).items()}


def rule(name: str, **values: Any) -> None:
    with writing() as session:
        session.add(Queue(name=name, **values))


def test_queue_needs_as_many_as_its_workers_have_places_and_a_few() -> None:
    assert counted() == {SCOUT: 4 + A_FEW, BUILDER: A_FEW}


def test_queue_never_needs_more_than_tasks_wait_in_it() -> None:
    with writing() as session:
        make_task(session, queue="agent.scout", complexity=9)
    assert counted()["agent.scout"] == 1


def test_only_the_queues_that_are_asked_for_are_looked_at() -> None:
    with scope.wide("system:reconciler"):
        assert list(wanted(["complexity.8", "complexity.1"])) == [BUILDER]


def test_paused_queue_needs_none() -> None:
    rule(SCOUT, paused_at=now())
    assert counted() == {BUILDER: A_FEW}


def test_nothing_is_needed_while_an_emergency_stop_holds() -> None:
    rule(EVERY, paused_at=now())
    assert counted() == {}


def test_queue_of_paused_agents_alone_needs_none() -> None:
    with scope.wide("system:test"), writing() as session:
        session.execute(update(Agent).values(paused_at=now()))
    assert counted() == {BUILDER: A_FEW}


@pytest.mark.parametrize("limited", ["queue", "agent"])
def test_full_queue_and_queue_of_full_agents_need_none(limited: str) -> None:
    with scope.wide("agent:scout"), writing() as session:
        assert claim(session, [SCOUT], Claimant("scout", None, "host", 1, 1.0)) is not None
    if limited == "queue":
        rule(SCOUT, max_running=1)
    else:
        with scope.wide("system:test"), writing() as session:
            session.execute(update(Agent).values(max_running=1))
    assert counted() == {BUILDER: A_FEW}
