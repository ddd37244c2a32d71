"""Families of tasks for tests: plans that hand parts on, and what became of all."""

from typing import Any

from sqlalchemy import select

from models import scope
from models.database import reading
from models.states import State
from models.task import Task
from tests.support.workplace import Workplace, plan, write


def hand_on(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A step that hands these parts on."""
    return {"tool": "team.delegate", "name": "share_out", "with": {"tasks": list(parts), **more}}


def leaf(title: str, **more: Any) -> dict[str, Any]:
    """A part that writes its title into a file."""
    return {"title": title, "playbook": plan(write("output/said.txt", title)), **more}


def family_of_25(middle: dict[str, Any] | None = None, last: dict[str, Any] | None = None) -> dict[str, Any]:
    """The plan of one task with 8 parts, of which each has 2; `middle` and `last` say more of those."""
    parts = []
    for number in range(8):
        leaves = [leaf(f"Leaf {number}.{index}", **(last or {})) for index in range(2)]
        parts.append({"title": f"Part {number}", "playbook": plan(hand_on(*leaves)), **(middle or {})})
    return plan(hand_on(*parts))


def family(workplace: Workplace, first: str) -> list[Task]:
    """All tasks of the family, in the order in which they were made."""
    with scope.acting("person:alice"), reading() as session:
        mine = select(Task).where((Task.root_id == first) | (Task.id == first)).order_by(Task.number)
        return list(session.scalars(mine))


def states(workplace: Workplace, first: str) -> dict[State, int]:
    """How many tasks of the family are in which state."""
    found: dict[State, int] = {}
    for task in family(workplace, first):
        found[State(task.state)] = found.get(State(task.state), 0) + 1
    return found
