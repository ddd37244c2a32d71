"""A run that an error inside OpsCore breaks fails its task at once, whatever it had written before."""

import json
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
from tasks import execution, heart, work
from tasks.steps import Run
from tasks.submission import Order, submit
from tasks.work import Served
from tests.support.workplace import plan, write


def test_error_inside_after_the_first_writes_fails_the_task_and_says_so(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    playbook = plan(write("output/a.txt", "a"), write("output/b.txt", "b"))
    task_id = submit(Order(playbook=json.dumps(playbook), complexity=1)).task.id
    do_all = execution.do_all

    def break_after_all_steps(run: Run) -> Any:
        do_all(run)
        run.ledger.settle()
        raise RuntimeError("a defect")

    # Nothing is wished here, and a heart would beat on in this process.
    monkeypatch.setattr(heart, "heart", SimpleNamespace)
    monkeypatch.setattr(execution, "do_all", break_after_all_steps)
    monkeypatch.setattr(work.work.app, "served", Served("scout", new_id(), ("complexity.1",)), raising=False)
    work.work.run("hint")
    with scope.wide("system:test"), reading() as session:
        task = session.scalars(select(Task).where(Task.id == task_id)).one()
        kinds = list(session.scalars(select(Event.kind).where(Event.subject_id == task_id).order_by(Event.number)))
    assert (task.state, task.error_code) == (State.FAILED, "error")
    assert task.error_message is not None and "an error inside OpsCore (RuntimeError)" in task.error_message
    assert kinds.count("step.finished") == 2 and kinds[-1] == "task.failed"
    assert len(kinds) == task.event_count
