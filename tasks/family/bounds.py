"""How far work may be handed on: how deep, to how many, and never in a circle.  Every refusal says what to do instead.

Who asks, with the parent's row locked: children.py.  What the models above may use: line.py.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.errors import Conflict, InvalidInput, Problem
from models.task import Task
from tasks.family.line import Line, ModelAbove
from tasks.plans.kept import AnyPlan, plan_of
from tasks.plans.model_plan import ModelPlan

DEEPEST = 5
MOST_IN_FAMILY = 500
AGENT = "agent."


def problems(
    line: Line, parts: Sequence[tuple[int, Task, AnyPlan]], handed_over: Collection[str] = ()
) -> list[Problem]:
    """What keeps these parts, each with its place in the call, from being handed on.

    `handed_over` are inputs that come from the workspace of who hands on.
    """
    found = []
    for index, part, plan in parts:
        beyond = _beyond(line.models, plan, part.inputs, handed_over)
        found += [_wrong(index, *said) for said in (*_circles(line.tasks, part, plan), *beyond)]
    return found


def must_not_be_too_deep(parent: Task) -> None:
    """One more level is allowed.

    Raises:
        Conflict: it is not.
    """
    if parent.depth >= DEEPEST:
        raise Conflict(
            f"cannot hand this on: it was handed on {parent.depth} times already, and {DEEPEST} is the most; "
            "do it in this task",
            depth=parent.depth,
        )


def must_not_be_too_many(session: Session, family_id: str, more: int) -> None:
    """So many more are allowed in the family, whose first row is locked.

    Raises:
        Conflict: they are not.
    """
    there = session.scalar(select(func.count()).select_from(Task).where(Task.root_id == family_id)) or 1
    if there + more > MOST_IN_FAMILY:
        raise Conflict(
            f"cannot hand on {more} more: the family has {there} tasks, and {MOST_IN_FAMILY} is the most; "
            "ask for fewer and larger parts",
            tasks=there,
        )


def _circles(line: Sequence[Task], part: Task, plan: AnyPlan) -> Iterator[tuple[str, str]]:
    if part.queue.startswith(AGENT):
        name = part.queue.removeprefix(AGENT)
        # To itself an agent may hand parts; back to whom the work came from it may not.
        if name != line[0].agent and name in [above.agent for above in line[1:]]:
            way = " → ".join(str(each.agent) for each in reversed(line))
            yield "agent", f"{name} has handed this work on itself ({way}): do it here, or name another agent"
    for above in line:
        if _asks_the_same(above, part, plan):
            yield "description", f"this is what “{above.title}” above asks for already: ask for a smaller part of it"
            return


def _asks_the_same(above: Task, part: Task, plan: AnyPlan) -> bool:
    if above.queue != part.queue or above.inputs != part.inputs:
        return False
    if _plainly(above.description) != _plainly(part.description):
        return False
    return _without_amounts(plan_of(above)) == _without_amounts(plan)


def _without_amounts(plan: AnyPlan) -> Mapping[str, Any]:
    """What the plan asks for, whatever it may spend and whatever people call it."""
    return plan.model_dump(mode="json", exclude={"budget", "approvals", "title", "turns", "limits", "retry"})


def _plainly(text: str) -> str:
    return " ".join(text.lower().split())


def _beyond(
    models: Sequence[ModelAbove], plan: AnyPlan, inputs: Mapping[str, Any], handed_over: Collection[str]
) -> Iterator[tuple[str, str]]:
    """What no model above may use itself: a page that one has read may be what asks for it."""
    wanted = plan.tools if isinstance(plan, ModelPlan) else [step.tool for step in plan.steps]
    for above in models:
        if beyond := sorted({*wanted} - above.tools):
            yield "tools", f"“{above.title}” may not use {', '.join(beyond)}, and so no part of it may"
        if beyond := above.beyond(plan):
            yield "model", f"“{above.title}” may not ask {', '.join(beyond)}, but {', '.join(above.plan.models)}"
        known = {*handed_over, *(value for value in above.task.inputs.values() if isinstance(value, str))}
        for name in _sources(plan):
            if inputs.get(name) and inputs[name] not in known:
                yield f"inputs.{name}", f"“{above.title}” does not work on this itself; name a file as workspace:PATH"


def _sources(plan: AnyPlan) -> Iterator[str]:
    yield from (name for name, of in plan.inputs.get("properties", {}).items() if of.get("format") == "source")


def _wrong(index: int, path: str, message: str) -> Problem:
    return Problem(path=f"tasks[{index}].{path}", line=None, message=message)


def refused(found: Sequence[Problem]) -> InvalidInput:
    """The error that lists them."""
    return InvalidInput("cannot hand this on", problems=found)
