"""What an order says about a model plan: read, checked, and put into the plan that the task keeps.

An order without a template or a playbook is a model plan of its own, which only its description fills.  What a person
says holds instead of what the template says, but for approvals and promises, which are added.  Who asks:
submission.py.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy import select

from models.agent import Agent
from models.database import reading
from models.errors import Problem
from tasks.plans import model_checks
from tasks.plans.kept import AnyPlan
from tasks.plans.model_plan import BudgetFields, ModelPlan
from tasks.plans.plan_checks import plainly, unknown_tool
from tasks.plans.plan_fields import WHOLE_PLAN
from tasks.plans.yaml_text import shown
from tasks.providers import choice as model_choice

if TYPE_CHECKING:
    from tasks.orders.submission import Order

ONLY_MODEL = ("tools", "model", "budget", "promises", "instructions")
SAID = (*ONLY_MODEL, "approvals")
"""The fields of an order that go into its plan."""
NOT_FOR_PLAYBOOKS = "is for tasks that a model works on; this one follows a playbook, whose steps say it all"
SOURCE = {"type": "string", "format": "source", "title": "File or folder", "description": "What it works on."}
# Further inputs are shown to the model as they are.
INPUTS = {"type": "object", "properties": {"source": SOURCE}}


def asked() -> ModelPlan:
    """The plan of an order that only describes what is wanted."""
    return ModelPlan(inputs=INPUTS)


def read(order: "Order", plan: AnyPlan) -> tuple[AnyPlan, list[Problem]]:
    """The plan with what the order says about it, and what is wrong with that."""
    found = list(_of_approvals(order.approvals))
    approvals = list(dict.fromkeys([*plan.approvals, *order.approvals]))
    if not isinstance(plan, ModelPlan):
        said = (name for name in ONLY_MODEL if getattr(order, name))
        return plan.model_copy(update={"approvals": approvals}), [*found, *(_wrong(n, NOT_FOR_PLAYBOOKS) for n in said)]
    try:
        own = ModelPlan.model_validate(_own(order))
    except ValidationError as error:
        return plan, [*found, *(_of_form(each) for each in error.errors())]
    found += [_wrong(_path(path), message) for path, message in model_checks.mistakes(own) if path[0] != "instructions"]
    merged = _merged(plan, own, order)
    return merged.model_copy(update={"approvals": approvals}), [*found, *_of_models(merged, order)]


def _own(order: "Order") -> dict[str, Any]:
    """What the order says, in the fields of a model plan."""
    models = [each.strip() for each in order.model.split(",")] if isinstance(order.model, str) else order.model or []
    promises = [{"path": each} if isinstance(each, str) else each for each in order.promises]
    own = {"tools": order.tools or [], "budget": order.budget, "promises": promises}
    return {**own, "models": [each for each in models if each], "instructions": order.instructions}


def _merged(plan: ModelPlan, own: ModelPlan, order: "Order") -> ModelPlan:
    budget = {**plan.budget.model_dump(), **own.budget.model_dump(exclude_none=True)}
    promises = {each.path: each for each in (*plan.promises, *own.promises)}
    return plan.model_copy(
        update={
            "tools": plan.tools if order.tools is None else own.tools,
            "models": own.models or plan.models,
            "budget": BudgetFields(**budget),
            "promises": list(promises.values()),
            "additions": own.instructions or plan.additions,
        }
    )


def _of_approvals(names: list[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name != WHOLE_PLAN and (wrong := unknown_tool(name)):
            yield _wrong(f"approvals[{index}]", f"{wrong}; `{WHOLE_PLAN}` is for the whole plan")


def _of_models(plan: ModelPlan, order: "Order") -> Iterator[Problem]:
    """What keeps every model from being asked: none may be used, or not those that were named."""
    known = model_choice.problems([name for name in plan.models if model_checks.MODEL.fullmatch(name)])
    if known and model_choice.is_any():
        yield from (_wrong("model", each["message"]) for each in known)
    elif refused := model_choice.refusal(plan.models, order.complexity or plan.complexity, _model_of(order.agent)):
        yield _wrong("model", refused)


def _model_of(agent: str | None) -> str | None:
    """The model that the agent thinks with."""
    with reading() as session:
        return session.scalar(select(Agent.model).where(Agent.name == agent)) if agent else None


def _of_form(error: Mapping[str, Any]) -> Problem:
    return _wrong(_path(error["loc"]), plainly(error["msg"], error["type"]))


def _path(path: tuple[str | int, ...]) -> str:
    return "model" if path[0] == "models" else shown(path)


def _wrong(path: str, message: str) -> Problem:
    return Problem(path=path, line=None, message=message)
