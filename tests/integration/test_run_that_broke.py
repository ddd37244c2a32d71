"""A run that an error inside OpsCore breaks fails its task at once, whatever it had written before."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from models import scope
from models.columns import new_id
from models.database import reading
from models.event import Event
from models.states import State
from models.task import Task
from tasks import work
from tasks.control import one_task as control
from tasks.orders.submission import Order, submit
from tasks.runs import heart, plan_run
from tasks.runs.steps import Run
from tasks.work import Served
from tests.support.workplace import plan, write


def run_and_break(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], Any]) -> None:
    """Do all steps of a task, and something besides; then break."""
    follow = plan_run.follow

    def break_after_all_steps(run: Run) -> Any:
        follow(run)
        run.ledger.settle()
        with scope.acting("person:alice"):
            meanwhile()
        raise RuntimeError("a defect")

    # What is wished here the heart would see, which would beat on in this process.
    monkeypatch.setattr(heart, "heart", SimpleNamespace)
    monkeypatch.setattr(plan_run, "follow", break_after_all_steps)
    monkeypatch.setattr(work.work.app, "served", Served("scout", new_id(), ("complexity.1",)), raising=False)
    work.work.run("hint")


def found(task_id: str) -> tuple[Task, list[str]]:
    """The task and its timeline."""
    with scope.wide("system:test"), reading() as session:
        task = session.scalars(select(Task).where(Task.id == task_id)).one()
        kinds = select(Event.kind).where(Event.subject_id == task_id).order_by(Event.number)
        return task, list(session.scalars(kinds))


def test_error_inside_after_the_first_writes_fails_the_task_and_says_so(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    playbook = plan(write("output/a.txt", "a"), write("output/b.txt", "b"))
    task_id = submit(Order(playbook=json.dumps(playbook), complexity=1)).task.id
    run_and_break(monkeypatch, lambda: None)
    task, kinds = found(task_id)
    assert (task.state, task.error_code) == (State.FAILED, "error")
    assert task.error_message is not None and "an error inside OpsCore (RuntimeError)" in task.error_message
    assert kinds.count("step.finished") == 2 and kinds[-1] == "task.failed"
    assert len(kinds) == task.event_count


def test_task_that_was_to_be_cancelled_is_cancelled_though_its_run_broke(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = submit(Order(playbook=json.dumps(plan(write("output/a.txt", "a"))), complexity=1)).task.id
    run_and_break(monkeypatch, lambda: control.cancel(task_id))
    task, kinds = found(task_id)
    assert (task.state, task.error_code, task.dead_letter_at) == (State.CANCELLED, None, None)
    assert kinds[-2:] == ["task.cancel_requested", "task.cancelled"]
