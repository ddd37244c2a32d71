"""However many claim at the same moment, no more run than a person has allowed of a queue, an agent, and in all."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from models import scope
from models.claim import Claimant, claim, end
from models.columns import now
from models.database import reading, writing
from models.queue import EVERY, Queue
from models.states import Move, State
from models.task import Task
from tests.support.factories import make_agent, make_task
from tests.support.processes import wait_until

CLAIMERS = 8
TASKS = 48
MOST = 3
SERVED = ["complexity.3", "complexity.4"]


def limit_queue() -> None:
    with writing() as session:
        session.add(Queue(name="complexity.3", max_running=MOST))


def limit_everything() -> None:
    with writing() as session:
        session.add(Queue(name=EVERY, max_running=MOST))


def limit_agent() -> None:
    with writing() as session:
        agent = make_agent(session, "scout", 3, 4)
        agent.max_running = MOST


@pytest.mark.parametrize(
    ("limit", "counted"),
    [
        (limit_queue, Task.queue == "complexity.3"),
        (limit_agent, Task.agent == "scout"),
        (limit_everything, Task.id.is_not(None)),
    ],
    ids=["queue", "agent", "everything"],
)
def test_eight_claimers_never_run_more_than_is_allowed(app: Flask, limit: Callable[[], None], counted: object) -> None:
    limit()
    with writing() as session:
        for number in range(TASKS):
            at = now() - timedelta(seconds=TASKS - number)
            make_task(session, State.QUEUED, complexity=3 + number % 2, rank_at=at)
    seen: list[int] = []

    def work(number: int) -> None:
        with app.app_context():
            wait_until(lambda: take_and_end(number, counted, seen), 120, "all tasks have ended")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLAIMERS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert seen and max(seen) <= MOST
    with reading() as session:
        ended = session.scalar(select(func.count()).where(Task.state == State.SUCCEEDED))
        runs = session.scalar(select(func.max(Task.run_number)))
    assert (ended, runs) == (TASKS, 1)


def take_and_end(number: int, counted: object, seen: list[int]) -> bool:
    """Work on one task; returns whether there is none any more."""
    with scope.wide("agent:scout"):
        with writing() as session:
            taken = claim(session, SERVED, Claimant("scout", None, "host-a", number, 1.0))
        running = select(func.count()).where(Task.state == State.RUNNING, counted)  # type: ignore[arg-type]
        with reading() as session:
            seen.append(session.scalar(running) or 0)
            if taken is None:
                return not session.scalar(select(func.count()).where(Task.state == State.QUEUED))
    with scope.acting("agent:scout", taken.tenant), writing() as session:
        end(session, taken, Move.SUCCEED, "succeeded", finished_at=now())
    return False
