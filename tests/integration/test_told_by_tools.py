"""What a tool tells stands on the timeline, on both databases: also when its call fails, never behind a fence."""

import threading
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from models import scope
from models.claim import Claim, Claimant, Fenced, claim
from models.database import reading, writing
from models.errors import ToolFailed
from models.event import Event
from models.states import Stage
from models.step import Step
from models.task import Task
from tasks.plans.playbook import PlannedStep
from tasks.runs import calls
from tasks.runs.ledger import Ledger
from tests.support.factories import make_task
from tools import limits
from tools.contract import Arguments, Context, Effect, Tool, ToolResult, Values
from tools.workspace import Workspace

LIMITS = limits.tightest([("agent", {"wall": 5})])


class Talker(Tool):
    """Tells from threads of its own, then breaks."""

    name = "test.talk"
    purpose = "Talk."
    effect = Effect.PURE
    Input, Output = Arguments, Values

    def run(self, call: Arguments, context: Context) -> ToolResult:
        threads = [
            threading.Thread(target=context.tell, args=("network.allowed",), kwargs={"host": f"h{number}"})
            for number in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        raise ToolFailed("cannot talk any more")


@pytest.fixture
def taken(app: Flask) -> Claim:
    with writing() as session:
        make_task(session)
    with scope.wide("agent:scout"), writing() as session:
        taken = claim(session, ["complexity.3"], Claimant("scout", None, "host", 1, 1.0))
    assert taken is not None
    return taken


def talk(taken: Claim, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "find", lambda name: Talker())
    ledger = Ledger(taken)
    planned = PlannedStep(name="talk", title="Talk", stage=Stage.BUILD, tool="test.talk")
    step_id = ledger.start_step("talk", 1, planned, "Talk", {}, LIMITS)

    def note(told: list[Any]) -> None:
        ledger.told_in_step(step_id, "talk", told)

    workspace = Workspace.create(folder, "w1", "# A test\n")
    try:
        calls.call(taken.task, workspace, calls.ToCall("test.talk", "talk", step_id, {}, LIMITS, note))
    finally:
        ledger.settle()


def events(task_id: str) -> list[Event]:
    with reading() as session:
        return list(session.scalars(select(Event).where(Event.subject_id == task_id).order_by(Event.number)))


def test_call_that_breaks_loses_nothing_that_was_told(
    taken: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ToolFailed):
        talk(taken, tmp_path, monkeypatch)
    found = events(taken.task_id)
    assert [each.number for each in found] == list(range(1, len(found) + 1))
    told = [each.data for each in found if each.kind == "network.allowed"]
    assert sorted(each["host"] for each in told) == ["h0", "h1", "h2", "h3", "h4"]
    assert {each["key"] for each in told} == {"talk"}


def test_run_that_was_given_up_tells_nothing(taken: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def overtaken(self: Talker, call: Arguments, context: Context) -> ToolResult:
        context.tell("network.allowed", host="late")
        with writing() as session:
            session.execute(update(Task).where(Task.id == taken.task_id).values(run_number=Task.run_number + 1))
        return ToolResult()

    monkeypatch.setattr(Talker, "run", overtaken)
    with pytest.raises(Fenced):
        talk(taken, tmp_path, monkeypatch)
    assert "network.allowed" not in {each.kind for each in events(taken.task_id)}


def test_step_keeps_the_limits_it_ran_under(taken: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolFailed):
        talk(taken, tmp_path, monkeypatch)
    with reading() as session:
        kept = session.scalars(select(Step.limits).where(Step.task_id == taken.task_id)).one()
    assert kept["wall"] == {"value": 5, "set_by": ["agent"]}
    assert kept["memory"]["set_by"] == ["installation"]
