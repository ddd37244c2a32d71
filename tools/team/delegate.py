"""team.delegate: hand parts of the task to others, and go on with what they bring.

The first call hands them on and has the task wait, without a worker; the call that is made again once all have ended
gets their results and copies their files.  Who hands on, within which bounds: tasks/family.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pydantic import Field

from tools.contract import Arguments, Captured, Context, Effect, Tool, ToolResult, Values
from tools.team.port import Came

MOST_PARTS = 50


class Part(Arguments):
    """One part: a template, a plan, or words for a model, and who is to do it."""

    title: str = Field("", max_length=200, description="What people see.")
    description: str = Field("", max_length=50_000, description="What is to be done; all that a model is told.")
    template: str | None = Field(None, description="Name of a template.")
    playbook: str | dict[str, Any] | None = Field(None, description="A plan of its own, as text or as a mapping.")
    inputs: dict[str, Any] = Field(
        default_factory=dict, description="Values for the plan's inputs; workspace:PATH for the one that is a file."
    )
    tools: list[str] | None = Field(None, max_length=100, description="Tools that its model may use.")
    model: str | list[str] | None = Field(None, description="Of a model: `provider/model`.")
    instructions: str = Field("", max_length=50_000, description="For its model, besides the description.")
    promises: list[str] = Field(default_factory=list, max_length=50, description="Files that it must leave.")
    budget: dict[str, Any] = Field(default_factory=dict, description="Of a model: tokens, cost, calls, wall_s.")
    complexity: int | None = Field(None, ge=1, le=10, description="Level, which decides who may take it.")
    agent: str | None = Field(None, max_length=80, description="Name of the agent that is to do it.")
    capability: str | None = Field(None, max_length=80, description="What its agent must be able to do.")
    deadline: str | float | None = Field(None, description="Time it has at most, such as 2 h.")
    files: list[str] = Field(
        default_factory=list, max_length=200, description="Files of this workspace that it finds in src/handed/."
    )
    share: bool = Field(False, description="Whether it may use the shared folder of the family.")


class Delegate(Tool):
    """Hand parts of the task to others."""

    name = "team.delegate"
    purpose = "Hand parts of this task to other agents, wait until all have ended, and get their results and files."
    effect = Effect.IDEMPOTENT

    class Input(Arguments):
        tasks: list[Part] = Field(min_length=1, max_length=MOST_PARTS, description="The parts; they run side by side.")
        may_fail: bool = Field(False, description="Go on where parts have failed; else this call fails then.")

    class Output(Values):
        children: list[dict[str, Any]] = Field(
            description="For each part: number, id, title, state, summary, output, error, folder, files."
        )
        succeeded: int
        failed: int

    def run(self, call: Input, context: Context) -> ToolResult:
        wanted = [part.model_dump(exclude_defaults=True) for part in call.tasks]
        came = context.family.delegate(wanted, context.workspace)
        failed = [each for each in came if not each.is_good]
        children = [_with_files(each, context) for each in came]
        output = {"children": children, "succeeded": len(came) - len(failed), "failed": len(failed)}
        if not failed or call.may_fail:
            return ToolResult(output=output)
        return ToolResult(exit_code=1, output=output, stderr=_captured(_said(failed, len(came))))


def _with_files(came: Came, context: Context) -> dict[str, Any]:
    told = asdict(came)
    told["id"] = told.pop("task_id")
    folder = f"team/{came.number}-{_slug(came.title)}"
    brought = context.family.bring(came, folder, context.workspace, context.limits)
    told |= {"folder": folder, "files": brought.paths}
    return told | ({"files_left_out": brought.left_out} if brought.left_out else {})


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40].strip("-") or "part"


def _said(failed: Sequence[Came], of: int) -> str:
    """One line, which becomes the step's error."""
    named = "; ".join(f"“{each.title}” {each.state}{f': {each.error}' if each.error else ''}" for each in failed[:5])
    more = f"; and {len(failed) - 5} more" if len(failed) > 5 else ""
    return f"error: {len(failed)} of {of} parts did not succeed: {named}{more}"


def _captured(text: str) -> Captured:
    data = text.replace("\n", " ").encode("utf-8", "replace")
    return Captured(head=data, total_bytes=len(data))
