"""What a person is shown before they agree: the exact arguments, the risk, what would change in the files.

`digest` binds the answer to it: an approval holds for that call of that step in that epoch, and for no other.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from models.errors import InvalidInput, NotFound
from models.task import Task
from tasks.plans.model_plan import ModelPlan
from tasks.plans.plan_fields import WHOLE_PLAN, PlanFields
from tasks.plans.playbook import Playbook, dry_run
from tasks.runs.outcome import clean
from tasks.runs.place import Place
from tools.contract import Arguments, Effect, Tool
from tools.registry import all_tools

LONGEST_DIFF = 100_000
LONGEST_IN_QUESTION = 4000
RISKS = ("low", "medium", "high")
OF_MODEL_PLAN = {"instructions", "additions", "prompt", "tools", "promises", "models", "budget", "turns"}
"""What of a model plan is agreed to, besides what the task says."""


def digest(task: Task, key: str, tool: str, arguments: Mapping[str, Any], bound_to: str = "") -> str:
    """SHA-256 of the task, its epoch, the step's key, the tool, the arguments, and what else the call depends on."""
    named = [task.id, task.epoch, key, tool, arguments, *([bound_to] if bound_to else [])]
    said = json.dumps(named, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()


def exactly(call: Arguments) -> dict[str, Any]:
    """The arguments as they are shown and handed to the tool: defaults included."""
    shown: dict[str, Any] = clean(call.model_dump(mode="json", by_alias=True))
    return shown


def risk_of(tools: Iterable[Tool]) -> str:
    """low, medium or high: the highest of these tools."""
    return RISKS[max((_risk(tool) for tool in tools), default=0)]


def _risk(tool: Tool) -> int:
    if tool.effect is Effect.ONCE or "secret" in tool.needs:
        return 2  # cannot be taken back, or acts with somebody's name
    if tool.needs:
        return 1  # runs programs, or reaches other hosts
    return 0  # at most the task's own files, whose history is kept


def diff_of(tool: Tool, call: Arguments, place: Place) -> str:
    """What the call would change in the files, where its tool can tell before."""
    if type(tool).preview is Tool.preview:
        return ""
    try:
        found: str = clean(tool.preview(call, place.workspace))
    except (InvalidInput, NotFound) as error:
        return f"This cannot be shown: {error.message}\n"
    if len(found) > LONGEST_DIFF:
        return f"{found[:LONGEST_DIFF]}\n… {len(found) - LONGEST_DIFF:,} characters left out …\n"
    return found


def bound_to(tool: Tool, call: Arguments, place: Place) -> str:
    """What the call depends on besides its arguments, such as the program in a file that it runs."""
    return "" if type(tool).bound_to is Tool.bound_to else tool.bound_to(call, place.workspace)


def of_plan(task: Task, plan: PlanFields) -> dict[str, Any]:
    """What the whole plan would do: the calls of a playbook; of a model plan what it is told, and within what."""
    if isinstance(plan, Playbook):
        calls = [call.model_dump(mode="json", exclude={"retry"}) for call in dry_run(plan, task.inputs)]
        shown: dict[str, Any] = {"calls": calls}
    else:
        told = {"description": task.description, "inputs": task.inputs}
        shown = {**told, **plan.model_dump(mode="json", include=OF_MODEL_PLAN)}
    kept: dict[str, Any] = clean({**shown, **_files(plan)})
    return kept


def _files(plan: PlanFields) -> dict[str, dict[str, str]]:
    """The files that it brings, by path, each with the SHA-256 of its text; nothing where it brings none."""
    found = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in plan.files.items()}
    return {"files": found} if found else {}


def tools_of(plan: PlanFields) -> list[Tool]:
    """The tools that the plan may call."""
    if isinstance(plan, Playbook):
        named = {step.tool for step in plan.steps}
    else:
        named = set(plan.tools) if isinstance(plan, ModelPlan) else set()
    return [tool for tool in all_tools() if tool.name in named]


def question(approval_id: str, key: str, tool: str, title: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    """What the waiting task asks; long arguments stand in the approval alone: lists read each task's question."""
    choices = ["approve", "reject"] if key == WHOLE_PLAN and not tool else ["approve", "edit", "reject"]
    named = {"kind": "approval", "approval": approval_id, "key": key, "tool": tool, "title": title}
    told = {name: value for name, value in shown.items() if len(json.dumps(value)) <= LONGEST_IN_QUESTION}
    return {**named, **told, "choices": choices}
