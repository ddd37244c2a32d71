"""The queues as people see and rule them, and the rules of agents."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.event import listen, remove

from models.agent import Agent
from models.columns import now
from models.database import db, reading, writing
from models.errors import InvalidInput, NotFound
from models.event import Event
from models.queue import Queue
from models.states import State
from tasks.control import agents, emergency
from tasks.queueing import queues, waking
from tests.support.factories import make_agent, make_task, make_worker


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queues that are woken; no broker is asked."""
    sent: list[str] = []
    monkeypatch.setattr(waking, "send_wake_up", lambda queue, task_id: sent.append(queue))
    return sent


def events(kind: str) -> list[Event]:
    with reading() as session:
        of_kind = select(Event).where(Event.subject_kind == kind).order_by(Event.at, Event.number)
        return list(session.scalars(of_kind))


def test_a_queue_says_what_waits_what_runs_and_who_serves_it(alone: Flask) -> None:
    with writing() as session:
        scout = make_agent(session, "scout", 1, 2)
        make_worker(session, scout)
        make_worker(session, scout, nodename="old@host", last_seen_at=now() - timedelta(hours=1))
        for each in (State.QUEUED, State.QUEUED, State.RUNNING, State.SUCCEEDED):
            make_task(session, each, complexity=2)
        make_task(session, State.QUEUED, complexity=2, waits_until=now() + timedelta(hours=1))
        make_task(session, State.QUEUED, complexity=10)
    found = {each.name: each for each in queues.all_queues()}
    assert list(found) == ["complexity.1", "complexity.2", "complexity.10", "agent.scout"]
    second = found["complexity.2"]
    assert (second.depth, second.running, second.agents, second.workers, second.places) == (2, 1, ["scout"], 1, 2)
    assert (found["complexity.10"].depth, found["complexity.10"].workers) == (1, 0)


def test_a_pause_says_who_and_why_and_a_resume_wakes_the_queue(alone: Flask, woken: list[str]) -> None:
    with writing() as session:
        make_task(session, complexity=4)
    for _ in range(2):
        paused = queues.pause("complexity.4", " repairs ")
    assert (paused.paused_at is not None, paused.paused_by, paused.pause_reason) == (True, "person:alice", "repairs")
    assert woken == []
    for _ in range(2):
        assert queues.resume("complexity.4").paused_at is None
    assert woken == ["complexity.4"]
    assert [(each.kind, each.author) for each in events("queue")] == [
        ("queue.paused", "person:alice"), ("queue.resumed", "person:alice")
    ]  # fmt: skip


def test_a_limit_is_set_changed_and_taken_away(alone: Flask) -> None:
    assert [queues.limit("capability.gpu", n).max_running for n in (3, 3, 1, None)] == [3, 3, 1, None]
    assert [each.data for each in events("queue")] == [
        {"before": None, "after": 3}, {"before": 3, "after": 1}, {"before": 1, "after": None}
    ]  # fmt: skip


@pytest.mark.parametrize("wanted", [0, -1, 10_001])
def test_a_limit_that_cannot_be_is_refused_with_the_cure(alone: Flask, wanted: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        queues.limit("complexity.1", wanted)
    assert "to let none run, pause it" in refused.value.problems[0]["message"]


@pytest.mark.parametrize("name", ["*", "complexity.11", "complexity.0", "celery", "agent.", "agent.a b", ""])
def test_what_cannot_be_a_queue_is_not_found(alone: Flask, name: str) -> None:
    for act in (queues.pause, queues.resume, queues.one_queue):
        with pytest.raises(NotFound, match="names are complexity"):
            act(name)
    with reading() as session:
        assert session.scalars(select(Queue)).all() == []


def test_the_emergency_stop_is_no_queue(alone: Flask) -> None:
    emergency.stop()
    assert queues.all_queues() == []


def test_an_agent_is_paused_resumed_and_limited_with_events(alone: Flask, woken: list[str]) -> None:
    with writing() as session:
        make_worker(session, make_agent(session, "scout", 2, 3))
        make_task(session, complexity=3)
    for _ in range(2):
        agents.pause("scout")
    for _ in range(2):
        agents.change_max_running("scout", 4)
    for _ in range(2):
        agents.resume("scout")
    with reading() as session:
        scout = session.scalars(select(Agent)).one()
    assert (scout.paused_at, scout.max_running, scout.version) == (None, 4, 2)
    assert [each.kind for each in events("agent")] == ["agent.paused", "agent.max_running_changed", "agent.resumed"]
    assert woken == ["complexity.3", "complexity.3"]


def test_an_unknown_agent_is_not_found(alone: Flask) -> None:
    for act in (agents.pause, agents.resume):
        with pytest.raises(NotFound):
            act("nobody")


def test_counting_a_queue_reads_its_own_tasks_only(alone: Flask) -> None:
    with writing() as session:
        make_task(session, complexity=4)
    asked: list[tuple[str, object]] = []

    def remember(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        asked.append((statement, values))

    listen(db.engine, "before_cursor_execute", remember)
    queues.all_queues()
    remove(db.engine, "before_cursor_execute", remember)
    if db.engine.dialect.name == "sqlite":
        with db.engine.connect() as connection:
            for statement, values in asked:
                found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()  # type: ignore[arg-type]
                used = " ".join(str(row) for row in found)
                assert "task" not in used or "ix_task_claimable" in used or "ix_task_running_queue" in used, statement
