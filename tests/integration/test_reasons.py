"""A person who waits is told the truth about why."""

from datetime import timedelta

from flask import Flask

from models import scope
from models.agent import SILENT_AFTER, Agent, Worker
from models.claim import Claimant, claim
from models.columns import new_id, now
from models.database import writing
from models.plan import Plan
from models.task import Task
from tasks.reasons import why_queued


def queued(queue: str = "complexity.3", **values: object) -> Task:
    at = now()
    with writing() as session:
        task = Task(title="t", complexity=3, queue=queue, plan=Plan(content={}), rank_at=at, published_at=at)
        for name, value in values.items():
            setattr(task, name, value)
        session.add(task)
    return task


def working(name: str, *queues: str, seen_ago: timedelta = timedelta()) -> str:
    """A worker of that agent with one place; returns its id."""
    with writing() as session:
        agent = Agent(name=name)
        session.add(agent)
        session.flush()
        worker = Worker(
            id=new_id(),
            agent_id=agent.id,
            nodename=f"{name}-77@host",
            host="host",
            pid=1,
            process_started_at=1.0,
            queues=list(queues),
            concurrency=1,
            version="celery",
            last_seen_at=now() - seen_ago,
        )
        session.add(worker)
    return worker.id


def test_nobody_covers_the_level(app: Flask) -> None:
    working("heavy", "complexity.9")
    assert why_queued(queued()) == (
        "No running agent takes complexity 3. Start one: celery -A worker worker --agent NAME --complexity 3"
    )


def test_a_silent_worker_covers_nothing(app: Flask) -> None:
    working("scout", "complexity.3", seen_ago=SILENT_AFTER * 2)
    assert why_queued(queued()).startswith("No running agent takes complexity 3.")


def test_the_agent_that_it_is_meant_for_is_not_there(app: Flask) -> None:
    assert "meant for the agent nora" in why_queued(queued("agent.nora"))


def test_it_waits_for_its_time(app: Flask) -> None:
    assert why_queued(queued(waits_until=now() + timedelta(hours=1))).startswith("It waits until ")


def test_the_broker_was_not_reached(app: Flask) -> None:
    working("scout", "complexity.3")
    assert why_queued(queued(published_at=None)).startswith("The broker has not been reached yet")


def test_a_free_agent_takes_it_next(app: Flask) -> None:
    working("scout", "complexity.3")
    assert why_queued(queued()) == "scout is free and takes it next."


def test_all_places_are_taken_and_others_come_first(app: Flask) -> None:
    worker_id = working("scout", "complexity.3")
    queued()
    with scope.wide("agent:scout"), writing() as session:
        assert claim(session, ["complexity.3"], Claimant("scout", worker_id, "host", 1, 1.0)) is not None
    first, second = queued(), queued()
    assert why_queued(first) == "The one place of scout is taken; it is the next."
    assert why_queued(second) == "The one place of scout is taken; 1 before it."
