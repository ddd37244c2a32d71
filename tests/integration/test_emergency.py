"""The emergency stop holds everything, and its release lets go of exactly what it held."""

import pytest
from flask import Flask
from sqlalchemy import select, update

from models import scope
from models.columns import now
from models.database import reading, writing
from models.event import Event
from models.queue import EVERY, Queue
from models.states import Move, State, move
from models.task import Task
from models.task_list import Filters
from tasks import live
from tasks.control import bulk, emergency
from tasks.control import one_task as control
from tasks.queueing import waking
from tests.support.factories import make_task


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks that queues are woken for; no broker is asked."""
    sent: list[str] = []
    monkeypatch.setattr(waking, "send_wake_up", lambda queue, task_id: sent.append(task_id))
    return sent


@pytest.fixture(autouse=True)
def wished(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    told: list[str] = []
    monkeypatch.setattr(live, "wish", told.append)
    return told


def new(state: State, **values: object) -> str:
    with writing() as session:
        return make_task(session, state, 1, **values).id


def state(task_id: str) -> str:
    with reading() as session:
        return session.scalars(select(Task.state).where(Task.id == task_id)).one()


def obey(task_id: str) -> None:
    """What the run does once it has ended its tool."""
    with writing() as session:
        move(session, Move.PAUSE, Task.id == task_id, stop_requested_at=None)


def test_a_stop_closes_every_queue_and_asks_every_run(alone: Flask, wished: list[str]) -> None:
    running, queued = [new(State.RUNNING) for _ in range(3)], new(State.QUEUED)
    found = emergency.stop("the disk is full", limit=2)
    assert (found.is_on, found.by, found.reason, found.held, found.left) == (
        True, "person:alice", "the disk is full", 2, 1
    )  # fmt: skip
    assert emergency.stop(limit=2).left == 0
    assert sorted(wished) == sorted(running)
    assert state(queued) == State.QUEUED
    with reading() as session:
        assert session.scalars(select(Queue.paused_at).where(Queue.name == EVERY)).one() is not None
        kinds = session.scalars(select(Event.kind).where(Event.subject_kind == "queue")).all()
    assert kinds == ["emergency.stopped"]


def test_a_release_resumes_what_the_stop_held_and_nothing_else(alone: Flask, woken: list[str]) -> None:
    running, paused = [new(State.RUNNING) for _ in range(3)], new(State.PAUSED)
    emergency.stop()
    for task_id in running:
        obey(task_id)
    left = [emergency.release(limit=2).left, emergency.release(limit=2).left]
    assert left == [1, 0]
    assert [state(task_id) for task_id in running] == [State.QUEUED] * 3
    assert (state(paused), sorted(woken)) == (State.PAUSED, sorted(running))
    assert not emergency.standing().is_on


def test_what_comes_to_obey_after_the_release_is_resumed_then(alone: Flask) -> None:
    task_id = new(State.RUNNING)
    emergency.stop()
    assert emergency.release().left == 1
    obey(task_id)
    with scope.wide("system:reconciler"):
        assert emergency.go_on() == 1
        assert emergency.go_on() == 0
    assert state(task_id) == State.QUEUED
    assert emergency.standing().held == 0


def test_a_claim_that_was_on_its_way_is_stopped_by_the_reconciler(alone: Flask, wished: list[str]) -> None:
    emergency.stop()
    late = new(State.RUNNING)
    with scope.wide("system:reconciler"):
        assert emergency.go_on() == 1
    assert wished == [late]


def test_a_stop_of_one_tenant_is_none_of_another(alone: Flask) -> None:
    emergency.stop()
    with scope.acting("person:charlie", "other"):
        theirs = new(State.RUNNING)
        assert not emergency.standing().is_on
    with scope.wide("system:reconciler"):
        assert emergency.go_on() == 0
    with scope.acting("person:charlie", "other"):
        assert state(theirs) == State.RUNNING


def test_what_a_person_pauses_or_resumes_meanwhile_is_theirs(alone: Flask) -> None:
    kept, resumed, ended = (new(State.RUNNING) for _ in range(3))
    emergency.stop()
    obey(kept)
    obey(resumed)
    control.pause(kept)
    control.resume(resumed)
    with writing() as session:
        move(session, Move.SUCCEED, Task.id == ended, finished_at=now())
    assert emergency.release().left == 0
    assert [state(task_id) for task_id in (kept, resumed, ended)] == [State.PAUSED, State.QUEUED, State.SUCCEEDED]


def test_what_a_person_pauses_while_it_is_being_stopped_stays_paused(alone: Flask) -> None:
    before, meanwhile, among_many = (new(State.RUNNING, complexity=n) for n in (1, 2, 3))
    control.pause(before)
    emergency.stop()
    assert not {control.pause(meanwhile).emergency_at, control.pause(meanwhile).emergency_at} - {None}
    assert bulk.perform("pause", Filters(complexity=3)).done == 1
    for task_id in (before, meanwhile, among_many):
        obey(task_id)
    emergency.release()
    assert [state(task_id) for task_id in (before, meanwhile, among_many)] == [State.PAUSED] * 3


def test_what_the_stop_has_paused_is_paused_for_longer_with_many_others(alone: Flask) -> None:
    held, rested = new(State.RUNNING), new(State.PAUSED)
    emergency.stop()
    obey(held)
    assert (bulk.preview("pause", Filters()).count, bulk.perform("pause", Filters()).done) == (1, 1)
    emergency.release()
    assert [state(task_id) for task_id in (held, rested)] == [State.PAUSED] * 2


def test_stopping_and_releasing_again_writes_nothing(alone: Flask) -> None:
    for _ in range(2):
        emergency.stop("once")
    for _ in range(2):
        emergency.release()
    with reading() as session:
        kinds = session.scalars(select(Event.kind).where(Event.subject_kind == "queue").order_by(Event.number)).all()
    assert kinds == ["emergency.stopped", "emergency.released"]


def test_a_run_that_was_given_back_before_it_obeyed_is_free_after_the_release(alone: Flask) -> None:
    task_id = new(State.RUNNING)
    emergency.stop()
    with writing() as session:
        session.execute(update(Task).where(Task.id == task_id).values(state=State.QUEUED))
    emergency.release()
    with reading() as session:
        task = session.scalars(select(Task).where(Task.id == task_id)).one()
    assert (task.emergency_at, task.stop_requested_at) == (None, None)
