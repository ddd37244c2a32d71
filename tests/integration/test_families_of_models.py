"""Models that hand parts of their work to other models, against scripted answers: results, budgets, what they may."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

import settings
from models.budget import Budget, BudgetKind, Spend
from models.database import reading
from models.states import State
from models.step import Step
from models.task import Task
from tasks import broker
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
PRICES = {"input_price": 500_000, "output_price": 1_500_000}
TOOLS = ["team.delegate", "files.write"]


@pytest.fixture
def served(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setenv("OPSCORE_RETRY_ATTEMPTS", "1")
    settings.load.cache_clear()
    for module in (broker, waking):
        monkeypatch.setattr(module, "send_wake_up", lambda queue, task_id: None)
    return serving()


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with playing([]) as server:
        yield server


def delegating(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"tool_calls": [{"name": "team.delegate", "arguments": {"tasks": list(parts)}}]}


def asked(number: str, **more: Any) -> dict[str, Any]:
    return {"title": number, "description": f"Do the {number}", "tools": TOOLS, **more}


def work(served: Served, server: ModelServer, script: Any, **order: Any) -> list[Task]:
    """The whole family, once nothing is to be done any more; the first task first."""
    server.script = parse(script)
    configure(server.url, "small", **PRICES)
    first = submit(Order(**{"description": "Do it all.", "tools": TOOLS, **order})).task.id
    drain_all(served)
    with reading() as session:
        mine = select(Task).where((Task.root_id == first) | (Task.id == first)).order_by(Task.number)
        return list(session.scalars(mine))


def steps_of(task: Task) -> dict[str, Step]:
    with reading() as session:
        found = session.scalars(select(Step).where(Step.task_id == task.id).order_by(Step.position))
        return {step.key: step for step in found}


THREE_LEVELS = {
    "conversations": [
        {"about": r"Do the leaf (\d+)", "turns": [{"text": "Leaf ${1} is done."}]},
        {
            "about": r"Do the middle (\d)",
            "turns": [
                delegating(asked("leaf ${1}1"), asked("leaf ${1}2")),
                {"text": "Middle ${1} is done."},
            ],
        },
    ],
    "turns": [delegating(*(asked(f"middle {number}") for number in range(3))), {"text": "All is done."}],
}


def test_three_levels_of_models_end_well_and_count_in_the_first_ones_budget(
    served: Served, server: ModelServer
) -> None:
    family = work(served, server, THREE_LEVELS, budget={"tokens": 1_000_000})
    assert [task.state for task in family] == [State.SUCCEEDED] * 10, [task.error_message for task in family]
    children = steps_of(family[0])["m1.1"].output["children"]
    assert [each["summary"] for each in children] == [f"Middle {number} is done." for number in range(3)]
    with reading() as session:
        spent = session.scalars(select(Spend)).all()
        mine = select(Budget).where(Budget.kind == BudgetKind.TASK, Budget.name == family[0].id)
        budget = session.scalars(mine).one()
    assert len(spent) == 2 + 3 * 2 + 6
    assert budget.used_calls == len(spent)
    assert budget.used_tokens == sum((each.input_tokens or 0) + (each.output_tokens or 0) for each in spent)


def test_part_may_not_spend_more_than_is_left(served: Served, server: ModelServer) -> None:
    script = [delegating(asked("work", budget={"tokens": 900_000})), {"text": "Then I do it myself."}]
    family = work(served, server, script, budget={"tokens": 500_000})
    assert [task.state for task in family] == [State.SUCCEEDED]
    assert "900,000" in str(steps_of(family[0])["m1.1"].error_message)


def test_model_hears_of_a_part_that_failed_and_decides(served: Served, server: ModelServer) -> None:
    script = {
        "conversations": [{"about": "Do the work", "turns": [{"refusal": "I will not."}]}],
        "turns": [delegating(asked("work")), {"text": "I did without it."}],
    }
    family = work(served, server, script)
    assert [task.state for task in family] == [State.SUCCEEDED, State.FAILED]
    step = steps_of(family[0])["m1.1"]
    assert "1 of 1 parts did not succeed: “work” failed" in str(step.for_model)


def test_part_gets_no_tool_that_its_model_has_not(served: Served, server: ModelServer) -> None:
    script = [delegating({**asked("work"), "tools": ["terminal.run"]}), {"text": "Then not."}]
    family = work(served, server, script)
    assert len(family) == 1
    assert "may not use terminal.run" in str(steps_of(family[0])["m1.1"].for_model)
