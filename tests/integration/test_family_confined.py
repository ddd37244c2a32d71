"""What a task that hands parts on hands down with them: its agent's tools and approvals, and the models it may ask."""

from typing import Any

import pytest
from sqlalchemy import select, update

from models.database import reading, writing
from models.errors import InvalidInput
from models.plan import Plan
from models.states import State
from models.task import Task
from tasks.family.children import children_of
from tests.integration.test_family_rules import ON_EITHER, PLAN, asker, new, part, row, woken, workspace
from tests.support.factories import make_agent
from tests.support.language_models import configure
from tools.workspace import Workspace

__all__ = ["woken", "workspace"]
pytestmark = [pytest.mark.usefixtures("app"), ON_EITHER]
MODEL = {"kind": "model", "name": "ask", "tools": ["team.delegate", "files.list", "files.write"]}
WRITES = {"steps": [{"stage": "build", "tool": "files.write", "with": {"path": "a", "text": "b"}}]}


def content(task: Task) -> dict[str, Any]:
    """The plan that the part follows."""
    with reading() as session:
        return dict(session.scalars(select(Task).where(Task.id == task.id)).one().plan.content)


def problems(first: Task, wanted: dict[str, Any], workspace: Workspace) -> list[tuple[str, str]]:
    """What is wrong with that part."""
    with pytest.raises(InvalidInput, match="cannot hand this on") as caught:
        children_of(asker(first), [wanted], workspace)
    return [(each["path"], each["message"]) for each in caught.value.problems]


def working(name: str, **of_agent: Any) -> Task:
    """A task that a model works on as an agent of which this is said."""
    with writing() as session:
        agent = make_agent(session, name)
        for column, value in of_agent.items():
            setattr(agent, column, value)
    return new(State.RUNNING, plan=Plan(content=MODEL), agent=name)


def test_part_gets_no_tool_that_the_agent_above_does_not_have(workspace: Workspace) -> None:
    first = working("poor", tools=["team.delegate", "files.list"])
    wanted = {"title": "A", "playbook": WRITES}
    [(path, message)] = problems(first, wanted, workspace)
    assert (path, "may not use files.write" in message) == ("tasks[0].tools", True)
    [middle] = children_of(asker(first), [part("Lists")], workspace)
    with writing() as session:
        session.execute(update(Task).where(Task.id == middle.id).values(state=State.RUNNING, run_number=1))
    assert problems(row(middle), wanted, workspace)


def test_people_are_asked_before_calls_of_a_part_as_the_agent_above_must_ask(workspace: Workspace) -> None:
    first = working("careful", approvals=["files.write", "plan"])
    [child] = children_of(asker(first), [{"title": "A", "playbook": WRITES}], workspace)
    assert content(child)["approvals"] == ["files.write"]


def test_part_asks_no_model_but_those_of_the_task_above(workspace: Workspace) -> None:
    for name in ("house", "cloud"):
        configure(f"http://{name}.invalid/v1", name, name=name)
    first = new(State.RUNNING, plan=Plan(content={**MODEL, "models": ["house/house"]}))
    thinks, named, plain = children_of(
        asker(first),
        [
            {"title": "A", "description": "Think"},
            {"title": "B", "description": "Think too", "model": "house/house"},
            {"title": "C", "playbook": PLAN},
        ],
        workspace,
    )
    assert [content(each)["models"] for each in (thinks, named)] == [["house/house"]] * 2
    [(path, message)] = problems(first, {"title": "D", "description": "x", "model": "cloud/cloud"}, workspace)
    assert (path, message.endswith("may not ask cloud/cloud, but house/house")) == ("tasks[0].model", True)
    with writing() as session:
        session.execute(update(Task).where(Task.id == plain.id).values(state=State.RUNNING, run_number=1))
    [below] = children_of(asker(row(plain)), [{"title": "E", "description": "Think below"}], workspace)
    assert content(below)["models"] == ["house/house"]
