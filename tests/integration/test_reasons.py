"""A person who waits is told the truth about why, and what can be done."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from kombu.exceptions import OperationalError
from sqlalchemy import update

from models import scope
from models.agent import SILENT_AFTER, Agent, Worker
from models.claim import Claimant, claim
from models.columns import new_id, now
from models.database import writing
from models.event import record
from models.leadership import RECONCILER, lead
from models.plan import Plan
from models.queue import EVERY, Queue
from models.states import State
from models.task import Task
from tasks.queueing import reasons
from tasks.queueing.reasons import why_queued

NOON = datetime(2020, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that answers, without a process of its own."""
    monkeypatch.setattr(reasons, "lengths", lambda queues: dict.fromkeys(queues, 0))


def queued(queue: str = "complexity.3", **values: object) -> Task:
    at = now()
    with writing() as session:
        task = Task(title="t", complexity=3, queue=queue, plan=Plan(content={}), rank_at=at, published_at=at)
        for name, value in values.items():
            setattr(task, name, value)
        session.add(task)
    return task


def happened(task: Task, kind: str, **data: object) -> None:
    with writing() as session:
        record(session, "task", task.id, task.event_count + 1, kind, task.tenant, **data)


def working(name: str, *queues: str, seen_ago: timedelta = timedelta(), of_agent: Any = None, **values: Any) -> str:
    """A worker of that agent with one place, on its own host; returns its id."""
    with writing() as session:
        agent = Agent(name=name, **(of_agent or {}))
        session.add(agent)
        session.flush()
        facts: dict[str, Any] = {
            "id": new_id(),
            "agent_id": agent.id,
            "nodename": f"{name}-77@host",
            "host": "host-b",
            "pid": 1,
            "process_started_at": 1.0,
            "queues": list(queues),
            "concurrency": 1,
            "version": "celery",
            "last_seen_at": now() - seen_ago,
        }
        worker = Worker(**{**facts, **values})
        session.add(worker)
    return worker.id


def rule(name: str, **values: Any) -> None:
    with writing() as session:
        session.add(Queue(name=name, **values))


def take(worker_id: str, agent: str = "scout", queue: str = "complexity.3") -> None:
    """Have the worker claim a task of the queue."""
    queued(queue)
    with scope.wide(f"agent:{agent}"), writing() as session:
        assert claim(session, [queue], Claimant(agent, worker_id, "host", 1, 1.0)) is not None


def ended(took_s: float, queue: str = "complexity.3") -> None:
    """A task of the queue that ended lately."""
    at = now()
    queued(queue, state=State.SUCCEEDED, started_at=at - timedelta(seconds=took_s), finished_at=at)


def test_nobody_covers_the_level(app: Flask) -> None:
    working("heavy", "complexity.9")
    assert why_queued(queued()) == (
        "No running agent takes complexity 3. Start one: celery -A worker worker --agent NAME --complexity 3"
    )


def test_nobody_has_the_capability(app: Flask) -> None:
    assert why_queued(queued("capability.gpu")) == (
        "No running agent has the capability gpu. Start one: celery -A worker worker --agent NAME -Q capability.gpu"
    )


def test_the_agent_that_it_is_meant_for_is_not_there(app: Flask) -> None:
    assert why_queued(queued("agent.nora")) == (
        "It is meant for the agent nora, which is not running. Start it: celery -A worker worker --agent nora"
    )


def test_its_workers_are_silent(app: Flask) -> None:
    working("scout", "complexity.3", seen_ago=SILENT_AFTER * 2)
    said = why_queued(queued())
    assert said.startswith("scout would take it, but was not heard of for 3")
    assert "Look at the host host-b" in said


def test_its_workers_are_deaf(app: Flask) -> None:
    working("scout", "complexity.3", deaf_since=NOON)
    said = why_queued(queued())
    assert said.startswith("scout is connected, but takes nothing since 12:00:00 UTC.")
    assert "start the worker anew" in said


def test_a_deaf_worker_is_no_reason_while_another_hears(app: Flask) -> None:
    working("scout", "complexity.3", deaf_since=NOON)
    working("builder", "complexity.3")
    assert why_queued(queued()) == "builder is free and takes it next."


def test_it_was_submitted_to_start_later(app: Flask) -> None:
    said = why_queued(queued(waits_until=now() + timedelta(hours=3)))
    assert said.startswith("It was submitted to start at ") and said.endswith(", in 3 h.")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"waits_until": NOON - timedelta(days=9)}, "Its time came at 2020-11-12 12:00:00 UTC, but no reconciler is"),
        ({"published_at": None}, "The broker was not told of it yet, and no reconciler is at work"),
    ],
)
def test_no_reconciler_is_at_work_that_would_see_to_it(app: Flask, values: dict[str, Any], said: str) -> None:
    working("scout", "complexity.3")
    reason = why_queued(queued(**values))
    assert reason.startswith(said)
    assert reason.endswith("Start one: python -m worker.reconciler")


def test_it_waits_for_another_attempt(app: Flask) -> None:
    said = why_queued(queued(waits_until=now() + timedelta(hours=3), attempts=2, run_number=2))
    assert said.startswith("Its attempt 2 failed; the next begins at ")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("cannot call web:a.example now: it failed again and again, and is left alone for a while",
         r"web:a\.example failed again and again\. It is left alone until .* UTC, in 3 h; this uses no attempt\."),
        ("cannot call web:a.example now: it is called 30/min at most, and too many wait",
         r"Too many calls wait for web:a\.example already\. It is asked again at .*; this uses no attempt\."),
    ],
)  # fmt: skip
def test_it_waits_for_a_service_which_uses_no_attempt(app: Flask, message: str, said: str) -> None:
    task = queued(waits_until=now() + timedelta(hours=3), attempts=5, run_number=6)
    happened(task, "task.retry_planned", code="service_unavailable", message=f"cannot finish the step “x”: {message}")
    assert re.fullmatch(said, why_queued(task))


def test_the_process_that_ran_it_died(app: Flask) -> None:
    working("scout", "complexity.3")
    with scope.wide("system:test"), writing() as session:
        assert lead(session, RECONCILER, "somebody")
    task = queued(published_at=None, losses=1)
    happened(task, "task.requeued", reason="the process 7 of agent scout on host died")
    assert why_queued(task) == "The process that ran it died. It goes on as soon as an agent takes it."


def test_the_emergency_stop_holds_everything(app: Flask) -> None:
    working("scout", "complexity.3")
    rule(EVERY, paused_at=NOON, paused_by="person:alice", pause_reason="The disk is full.")
    assert why_queued(queued()) == (
        "Everything was stopped at 2020-11-21 12:00:00 UTC by alice: The disk is full. "
        "It goes on when the emergency stop is released."
    )


def test_its_queue_is_paused(app: Flask) -> None:
    working("scout", "complexity.3")
    rule("complexity.3", paused_at=NOON, paused_by="person:bob", pause_reason="moving house")
    assert why_queued(queued()) == (
        "The queue complexity.3 was paused at 2020-11-21 12:00:00 UTC by bob: moving house. "
        "It goes on when the queue is resumed."
    )


def test_the_agents_that_cover_it_are_paused(app: Flask) -> None:
    working("scout", "complexity.3", of_agent={"paused_at": NOON})
    assert why_queued(queued()) == "scout would take it, but is paused. It goes on when the agent is resumed."


@pytest.mark.parametrize(("name", "said"), [("complexity.3", "of the queue complexity.3"), (EVERY, "of all queues")])
def test_the_limit_of_its_queue_or_of_all_is_reached(app: Flask, name: str, said: str) -> None:
    take(working("scout", "complexity.3", concurrency=8))
    rule(name, max_running=1)
    assert why_queued(queued()) == (
        f"The limit {said} is reached: 1 of 1 tasks are running. "
        "It starts when one of them ends, or the limit is raised."
    )


def test_the_limit_of_its_agent_is_reached(app: Flask) -> None:
    worker_id = working("scout", "complexity.3", concurrency=8)
    take(worker_id)
    with scope.wide("system:test"), writing() as session:
        session.execute(update(Agent).values(max_running=1))
    assert why_queued(queued()) == (
        "The limit of the agent scout is reached: 1 of 1 tasks are running. "
        "It starts when one of them ends, or the limit is raised."
    )


def test_the_broker_was_not_reached(app: Flask) -> None:
    working("scout", "complexity.3")
    with scope.wide("system:test"), writing() as session:
        assert lead(session, RECONCILER, "somebody")
    assert why_queued(queued(published_at=None)).startswith("The broker has not been reached yet")


def test_the_broker_does_not_answer(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def lengths(_: list[str]) -> dict[str, int]:
        raise OperationalError("gone")

    monkeypatch.setattr(reasons, "lengths", lengths)
    working("scout", "complexity.3")
    assert why_queued(queued()).startswith("The broker does not answer, so nobody is woken. Start it")


def test_a_free_agent_takes_it_next(app: Flask) -> None:
    working("scout", "complexity.3")
    assert why_queued(queued()) == "scout is free and takes it next."


def test_all_places_are_taken_and_others_come_first(app: Flask) -> None:
    take(working("scout", "complexity.3"))
    first, second = queued(), queued()
    unknown = "How long that takes is not known: too few tasks of this queue have ended lately."
    assert why_queued(first) == f"The one place of scout is taken; it is the next. {unknown}"
    assert why_queued(second) == f"The one place of scout is taken; 1 before it. {unknown}"


def test_the_expected_wait_follows_from_what_tasks_of_the_queue_took_lately(app: Flask) -> None:
    take(working("scout", "complexity.3"))
    for took_s in (60, 120, 120, 240):
        ended(took_s)
    ended(99999, "complexity.9")
    waiting = [queued() for _ in range(5)]
    assert why_queued(waiting[-1]).endswith("4 before it. It probably starts in 5 min to 18 min.")


def test_a_task_that_is_not_queued_has_no_reason(app: Flask) -> None:
    assert why_queued(queued(state=State.SUCCEEDED)) == ""
