"""A model's calls wait for a person like any others: it is told what the person said, and goes on."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from models.approval import Approval
from models.database import reading
from models.states import State
from models.step import Step
from models.task import Task
from tasks import broker
from tasks.approvals.decisions import Said, decide
from tasks.orders.submission import Order, submit
from tasks.queueing import waking
from tasks.work import Served
from tests.support.draining import drain_all, serving
from tests.support.language_models import configure
from tests.support.model_server import playing
from worker.demo.script import parse
from worker.demo.server import ModelServer

pytestmark = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True
)
DRAFT = {"path": "output/a.md", "text": "a first draft"}
SCRIPT = [{"tool_calls": [{"name": "files.write", "arguments": DRAFT}]}, {"text": "That is all."}]
Go = Callable[[], None]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with playing([]) as server:
        server.script = parse(SCRIPT)
        yield server


@pytest.fixture
def go(app: Flask, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Go:
    """Have all that is queued worked on."""
    for module in (broker, waking):
        monkeypatch.setattr(module, "send_wake_up", lambda queue, task_id: None)
    served: Served = serving()
    configure(server.url, "small", input_price=1, output_price=1)
    return lambda: drain_all(served)


def submitted(*approvals: str, **more: Any) -> str:
    order = Order(description="Write a letter.", tools=["files.write"], approvals=list(approvals), **more)
    return submit(order).task.id


def found(kind: Any, task_id: str) -> Any:
    with reading() as session:
        named = kind.id if kind is Task else kind.task_id
        return list(session.scalars(select(kind).where(named == task_id).order_by(kind.id)))


def asked(task_id: str) -> Approval:
    assert found(Task, task_id)[0].state == State.WAITING, found(Task, task_id)[0].error_message
    approval: Approval = found(Approval, task_id)[-1]
    return approval


def told(server: ModelServer) -> str:
    """What the model was told last."""
    messages = server.journal.messages(server.journal.entries()[-1]["number"])
    assert messages is not None
    return str(messages[-1]["content"])


def test_a_call_that_a_person_changed_runs_so_and_the_model_is_told(go: Go, server: ModelServer) -> None:
    task_id = submitted("files.write")
    go()
    approval = asked(task_id)
    assert (approval.key, approval.tool) == ("m1.1", "files.write")
    decide(approval.id, Said("edit", approval.digest, {"path": "output/a.md", "text": "as I want it"}))
    go()
    assert found(Task, task_id)[0].state == State.SUCCEEDED
    step = next(each for each in found(Step, task_id) if each.key == "m1.1")
    assert step.arguments["text"] == "as I want it"
    assert "A person changed the arguments" in told(server)
    assert "as I want it" in told(server)
    assert len(server.journal.entries()) == 2, "no answer was paid for twice"


def test_a_model_reads_why_a_person_said_no_and_goes_on(go: Go, server: ModelServer) -> None:
    task_id = submitted("files.write")
    go()
    approval = asked(task_id)
    decide(approval.id, Said("reject", approval.digest, reason="write to Dave instead"))
    go()
    assert found(Task, task_id)[0].state == State.SUCCEEDED
    step = next(each for each in found(Step, task_id) if each.key == "m1.1")
    assert (step.state, step.error_code) == ("failed", "rejected")
    assert "write to Dave instead" in told(server)


def test_a_whole_model_plan_is_approved_before_the_model_is_asked(go: Go, server: ModelServer) -> None:
    task_id = submitted("plan", instructions="Send it to everybody.")
    go()
    approval = asked(task_id)
    assert server.journal.entries() == []
    assert approval.arguments["description"] == "Write a letter."
    assert approval.arguments["tools"] == ["files.write"]
    assert approval.arguments["additions"] == "Send it to everybody."
    assert "budget" in approval.arguments
    decide(approval.id, Said("approve", approval.digest))
    go()
    assert found(Task, task_id)[0].state == State.SUCCEEDED
    assert len(server.journal.entries()) == 2
