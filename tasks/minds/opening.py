"""How the conversation begins: who the model is, and what it is asked to do.

Each run makes it anew of the task's row, its plan and the file of the prompt.  Task and plan stay; after an upgrade
with another prompt the work goes on under that, with all that was said and done before: each answer's step names the
prompt that it was asked with (`usage`).
"""

import json
from dataclasses import dataclass
from typing import Any

from models.task import Task
from tasks import prompts
from tasks.orders.inputs import Source, source_field
from tasks.plans import expressions
from tasks.plans.model_plan import BudgetFields, ModelPlan
from tasks.prompts import Prompt


@dataclass(frozen=True)
class Opening:
    """The first two messages, and the prompt that the first one is."""

    prompt: Prompt
    asked: str


def opening(task: Task, plan: ModelPlan, source: Source | None) -> Opening:
    """How the conversation about the task begins.

    Raises:
        InvalidInput: the plan's instructions name an input that was not given.
    """
    parts = [
        f"# Task: {task.title}",
        task.description.strip(),
        expressions.render(plan.instructions, {"inputs": task.inputs}) if plan.instructions else "",
        plan.additions,
        _given(task, plan, source),
        _promised(plan),
        _allowed(plan),
    ]
    return Opening(prompts.find(plan.prompt), "\n\n".join(str(part).strip() for part in parts if part))


def _given(task: Task, plan: ModelPlan, source: Source | None) -> str:
    field = source_field(plan)
    inputs: dict[str, Any] = {name: value for name, value in task.inputs.items() if name != field}
    said = [f"Inputs:\n\n```json\n{json.dumps(inputs, indent=1, ensure_ascii=False)}\n```"] if inputs else []
    if source is not None:
        said.append(f"What you are to work on, a {source.kind}, lies at `{source.inside}` in the workspace.")
    return "\n\n".join(said)


def _promised(plan: ModelPlan) -> str:
    if not plan.promises:
        return ""
    paths = "\n".join(f"- `{each.path}`" for each in plan.promises)
    return f"These files must be there at the end, and not be empty:\n\n{paths}"


def _allowed(plan: ModelPlan) -> str:
    return f"You may answer {plan.turns} times{_spent(plan.budget)}."


def _spent(budget: BudgetFields) -> str:
    said = [
        f"{budget.tokens:,} tokens" if budget.tokens else "",
        f"${budget.cost:g}" if budget.cost else "",
        f"{budget.calls:,} calls of models" if budget.calls else "",
        f"{budget.wall_s:g} seconds" if budget.wall_s else "",
    ]
    limits = ", ".join(each for each in said if each)
    return f", and spend at most {limits}" if limits else ""
