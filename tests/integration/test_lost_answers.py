"""The answer to any one commit of a run is lost: it stands, and what it wrote is neither lost nor written again."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from models.approval import Approval
from models.database import db, reading, writing
from models.event import Event
from models.run import Run
from models.step import Step, StepState
from models.task import Task
from tasks import broker
from tasks.approvals.decisions import Said, decide
from tasks.orders.submission import Order, submit
from tasks.queueing import waking
from tasks.runs import fenced_writes
from tasks.work import Served
from tests.support.draining import drain_all
from tests.support.factories import make_agent, make_worker
from tests.support.workplace import plan, write

TWO = plan(write("output/a.txt", "a", name="first"), {"tool": "drill.nothing", "name": "second"})
FAILS = plan({"tool": "files.read", "with": {"path": "nowhere"}, "name": "fails"})
PLANS = {"one": TWO, "fails": FAILS, "last": TWO}


@dataclass
class Commits:
    """Counts what this process commits and loses the answer to one."""

    lost: int = 0
    count: int = 0

    def lose(self, number: int) -> None:
        self.lost, self.count = number, 0


@pytest.fixture
def commits(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Commits]:
    """At the database's driver: the commit stands, and an error comes instead of its answer."""
    told, dialect = Commits(), db.engine.dialect
    commit = dialect.do_commit

    def do_commit(connection: Any) -> None:
        commit(connection)
        told.count += 1
        if told.count == told.lost:
            raise dialect.loaded_dbapi.OperationalError("the answer was lost")

    monkeypatch.setattr(dialect, "do_commit", do_commit)
    monkeypatch.setattr(fenced_writes, "PAUSES_S", (0.0,))
    for module in (broker, waking):
        monkeypatch.setattr(module, "send_wake_up", lambda queue, task_id: None)
    yield told
    told.lose(0)


def found(entity: Any, task_id: str) -> list[Any]:
    """The rows about the task, in order."""
    column, order = (Event.subject_id, Event.number) if entity is Event else (entity.task_id, entity.id)
    with reading() as session:
        return list(session.scalars(select(entity).where(column == task_id).order_by(order)))


def written_once(task_id: str, ended: str) -> int:
    """Nothing is missing and nothing there twice; returns how often the run wrote, as the task counts it."""
    with reading() as session:
        task = session.scalars(select(Task).where(Task.id == task_id)).one()
    events = found(Event, task_id)
    kinds = Counter(f"{each.kind} {each.data.get('key', '')}" for each in events)
    assert set(kinds.values()) == {1}
    assert [each.number for each in events] == list(range(1, task.event_count + 1))
    assert (events[-1].kind, task.state) == (f"task.{ended}", ended)
    assert [(run.number, run.outcome) for run in found(Run, task_id)] == [(1, ended)]
    assert (task.attempts, task.losses) == (int(ended == "failed"), 0)
    assert [step.state for step in found(Step, task_id)].count(StepState.STARTED) == 0
    return task.run_writes


def test_no_commit_whose_answer_is_lost_is_lost_or_made_twice(app: Flask, commits: Commits) -> None:
    with writing() as session:
        served = Served("scout", make_worker(session, make_agent(session, "scout", 1, 1)).id, ("complexity.1",))
    told: list[dict[str, int]] = []
    undisturbed = 0
    while len(told) <= undisturbed:
        ids = {name: submit(Order(playbook=json.dumps(body), complexity=1)).task.id for name, body in PLANS.items()}
        commits.lose(len(told))
        drain_all(served)
        undisturbed = undisturbed or commits.count
        commits.lose(0)
        ends = {name: "failed" if name == "fails" else "succeeded" for name in ids}
        told.append({name: written_once(task_id, ends[name]) for name, task_id in ids.items()})
    # Claims, beginnings and ends of steps, ends of tasks, with the claim of the next and without.
    assert undisturbed > 2 * len(PLANS)
    assert all(each == told[0] for each in told)


def test_a_question_whose_commit_had_no_answer_is_asked_once(app: Flask, commits: Commits) -> None:
    with writing() as session:
        served = Served("scout", make_worker(session, make_agent(session, "scout", 1, 1)).id, ("complexity.1",))
    lost, undisturbed = 0, 0
    while lost <= undisturbed:
        order = Order(playbook=json.dumps(plan(write("output/a.txt", "a", approval=True))), complexity=1)
        task_id = submit(order).task.id
        commits.lose(lost)
        drain_all(served)
        undisturbed = undisturbed or commits.count
        commits.lose(0)
        [approval] = found(Approval, task_id)
        kinds = [each.kind for each in found(Event, task_id)]
        assert (approval.state, kinds.count("task.asked")) == ("waiting", 1)
        decide(approval.id, Said("approve", approval.digest))
        drain_all(served)
        assert [each.kind for each in found(Event, task_id)][-1] == "task.succeeded"
        lost += 1
    assert undisturbed >= 2
