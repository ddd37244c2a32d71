"""A request that comes again with its key finds what it did; another request with that key is another one."""

import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from models import scope
from models.database import reading, writing
from models.errors import Conflict
from models.event import Event
from models.states import State
from models.task import Task
from tasks import live
from tasks.control import one_task as control
from tasks.control import repetition
from tasks.control.questions import answer
from tasks.queueing import waking
from tests.support.factories import make_task


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No broker is asked."""
    monkeypatch.setattr(waking, "send_wake_up", lambda queue, task_id: None)
    monkeypatch.setattr(live, "wish", lambda task_id: None)


def new(state: State, done: int = 2) -> str:
    with writing() as session:
        return make_task(session, state, done).id


def end(task_id: str, state: State) -> None:
    with writing() as session:
        session.execute(update(Task).where(Task.id == task_id).values(state=state))


def events(task_id: str) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).where(Event.subject_id == task_id)) or 0


def test_a_retry_that_comes_again_opens_nothing_though_the_task_has_failed_again(alone: Flask) -> None:
    task_id = new(State.FAILED)
    assert control.retry(task_id, "mine").epoch == 2
    end(task_id, State.FAILED)
    before = events(task_id)
    again = control.retry(task_id, "mine")
    assert (again.epoch, again.state, events(task_id)) == (2, State.FAILED, before)
    assert control.retry(task_id, "another").epoch == 3


def test_a_replay_that_comes_again_opens_nothing_and_one_from_another_step_does(alone: Flask) -> None:
    task_id = new(State.SUCCEEDED)
    assert control.replay(task_id, "check", "mine").epoch == control.replay(task_id, "check", "mine").epoch == 2
    end(task_id, State.SUCCEEDED)
    assert control.replay(task_id, 1, "mine").epoch == 3


@pytest.mark.parametrize(("choice", "state"), [("retry", "queued"), ("done", "queued"), ("fail", "failed")])
def test_an_answer_that_comes_again_is_no_error_and_another_answer_is(alone: Flask, choice: str, state: str) -> None:
    task_id = new(State.WAITING)
    assert answer(task_id, choice, key="mine").state == state
    before = events(task_id)
    assert (answer(task_id, choice, key="mine").state, events(task_id)) == (state, before)
    for other in ({"choice": "fail" if choice == "done" else "done", "key": "mine"}, {"choice": choice}):
        with pytest.raises(Conflict, match="asks nothing"):
            answer(task_id, **other)


def test_what_was_refused_is_not_taken_for_done(alone: Flask) -> None:
    task_id = new(State.RUNNING)
    with pytest.raises(Conflict):
        control.retry(task_id, "mine")
    end(task_id, State.FAILED)
    assert control.retry(task_id, "mine").epoch == 2


def test_a_key_is_looked_for_in_a_bounded_piece_of_the_timeline(alone: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id = new(State.FAILED)
    control.retry(task_id, "mine")
    control.pause(task_id)
    end(task_id, State.FAILED)
    monkeypatch.setattr(repetition, "REMEMBERED", 1)
    assert control.retry(task_id, "mine").epoch == 3


def test_of_requests_with_one_key_at_the_same_moment_one_is_carried_out(alone: Flask) -> None:
    task_id, tenant = new(State.FAILED), str(scope.current().tenant)
    gate, found = threading.Barrier(4), list[Any]()

    def ask() -> None:
        with alone.app_context(), scope.acting("program:token", tenant):
            gate.wait()
            found.append(control.retry(task_id, "mine").epoch)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [2] * 4
