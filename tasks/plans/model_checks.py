"""What must hold in a model plan beyond its form: tools, models, promises, prompt, instructions.

What must hold in every plan: plan_checks.py.  Whether its models are there is asked when a task is submitted:
orders/model_order.py.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tasks import checks, prompts
from tasks.plans import expressions, plan_checks
from tasks.plans.model_plan import ModelPlan
from tasks.plans.plan_checks import unknown_tool
from tasks.plans.yaml_text import Document, Path

MODEL = re.compile(r"[a-z0-9][a-z0-9_-]*/\S+")
NAMED = "write the provider's name and the model's, such as ollama/llama3.2"
PLAIN = "must be a plain relative path, such as output/report.md"


def complain_of_contents(document: Document, plan: ModelPlan) -> None:
    """Say what is wrong with a model plan whose form is right."""
    plan_checks.complain_of_contents(document, plan)
    for path, message in mistakes(plan):
        document.complain(path, message)


def mistakes(plan: ModelPlan) -> Iterator[tuple[Path, str]]:
    """What is wrong with what only a model plan has, each with its path."""
    yield from _of_tools(plan)
    for index, name in enumerate(plan.models):
        if not MODEL.fullmatch(name):
            yield ("models", index), NAMED
    yield from _of_promises(plan)
    if plan.prompt not in prompts.names():
        yield ("prompt",), f"there is no prompt {plan.prompt}; there are {', '.join(prompts.names())}"
    yield from _of_instructions(plan)


def _of_tools(plan: ModelPlan) -> Iterator[tuple[Path, str]]:
    for index, name in enumerate(plan.tools):
        if wrong := unknown_tool(name):
            yield ("tools", index), wrong
        elif name in plan.tools[:index]:
            yield ("tools", index), f"{name} is named twice"


def _of_promises(plan: ModelPlan) -> Iterator[tuple[Path, str]]:
    for index, promise in enumerate(plan.promises):
        parts = promise.path.split("/")
        if promise.path.startswith("/") or any(part in ("", ".", "..") for part in parts) or "\0" in promise.path:
            yield ("promises", index, "path"), PLAIN
        if promise.check is not None and promise.check not in checks.names():
            known = ", ".join(checks.names()) or "none"
            yield ("promises", index, "check"), f"there is no check {promise.check}; there are {known}"


def _of_instructions(plan: ModelPlan) -> Iterator[tuple[Path, str]]:
    complaint, names = expressions.mistakes(plan.instructions)
    if complaint:
        yield ("instructions",), complaint
    declared: Mapping[str, Any] = plan.inputs.get("properties", {})
    for root, *rest in sorted(names):
        if root != "inputs":
            yield ("instructions",), f"there is no value {root}; there is inputs"
        elif rest and rest[0] not in declared:
            known = f"; there are {', '.join(declared)}" if declared else ""
            yield ("instructions",), f"there is no input {rest[0]}{known}"
