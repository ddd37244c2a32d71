"""What must hold in a playbook's steps beyond their form: tools, arguments, expressions, stages, limits, retries.

What must hold in every plan: plan_checks.py.  Each check complains at the path where the mistake stands; whoever mends
a playbook wants to see all of it at once.
"""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tasks.plans import expressions, plan_checks
from tasks.plans.plan_checks import STAGES, check_limits, check_retry, plainly, unknown_tool
from tasks.plans.yaml_text import Document, Path
from tools.registry import find as find_tool

if TYPE_CHECKING:
    from tasks.plans.playbook import PlannedStep, Playbook

# What an expression may name; `item` only where a step repeats.
ROOTS = ("inputs", "input", "steps", "task", "item")


def complain_of_form(document: Document, error: ValidationError) -> None:
    """Say what is no playbook in the document, and what is wrong with those tools and limits that can be read."""
    plan_checks.complain_of_form(document, error)
    steps = document.value.get("steps")
    for index, raw in enumerate(steps if isinstance(steps, list) else []):
        if isinstance(raw, dict):
            _check_readable(document, ("steps", index), raw)


def complain_of_contents(document: Document, playbook: "Playbook") -> None:
    """Say what is wrong with a playbook whose form is right."""
    plan_checks.complain_of_contents(document, playbook)
    _check_steps(document, playbook)


def _check_steps(document: Document, playbook: "Playbook") -> None:
    stage_before = STAGES[0]
    names: list[str] = []
    for index, step in enumerate(playbook.steps):
        at: Path = ("steps", index)
        if step.stage not in STAGES:
            document.complain((*at, "stage"), f"must be one of {', '.join(STAGES)}")
        elif STAGES.index(step.stage) < STAGES.index(stage_before):
            document.complain((*at, "stage"), f"goes back from {stage_before} to {step.stage}; stages go forward only")
        else:
            stage_before = step.stage
        if step.name in names:
            document.complain((*at, "name"), f"another step is named {step.name} already")
        _check_tool(document, at, step.tool, step.with_)
        check_limits(document, at, step.limits)
        check_retry(document, at, step.retry)
        _check_expressions(document, at, step, playbook, names)
        names.append(step.name)


def _check_readable(document: Document, at: Path, raw: Mapping[str, Any]) -> None:
    tool, arguments = raw.get("tool"), raw.get("with", {})
    if isinstance(tool, str) and isinstance(arguments, dict):
        _check_tool(document, at, tool, arguments)
    check_limits(document, at, raw.get("limits"))
    check_retry(document, at, raw.get("retry"))


def _check_tool(document: Document, at: Path, name: str, arguments: Mapping[str, Any]) -> None:
    if wrong := unknown_tool(name):
        document.complain((*at, "tool"), wrong)
        return
    try:
        find_tool(name).Input.model_validate(arguments)
    except ValidationError as error:
        for each in error.errors():
            # A value that holds an expression is known only in the run; it is validated there.
            if not _holds_expression(arguments, each["loc"]):
                document.complain((*at, "with", *each["loc"]), plainly(each["msg"], each["type"]))


def _holds_expression(value: Any, location: tuple[int | str, ...]) -> bool:
    """Whether the value at the location, or the one that the location leads into, is a text with an expression."""
    for part in location:
        match value, part:
            case dict(), str() if part in value:
                value = value[part]
            case list(), int() if part < len(value):
                value = value[part]
            case _:
                break
    return "{{" in json.dumps(value) and not isinstance(value, dict)


def _check_expressions(
    document: Document, at: Path, step: "PlannedStep", playbook: "Playbook", earlier: list[str]
) -> None:
    texts = _texts({"with": step.with_, "when": step.when, "repeat": step.repeat, "title": step.title}, at)
    for path, text in texts:
        complaint, names = expressions.mistakes(text)
        if complaint:
            document.complain(path, complaint)
        for name in sorted(names):
            wrong = _wrong_name(name, step, playbook, earlier)
            if wrong:
                document.complain(path, wrong)
                break


def _wrong_name(name: tuple[str, ...], step: "PlannedStep", playbook: "Playbook", earlier: list[str]) -> str | None:
    root, *rest = name
    if root not in ROOTS:
        return f"there is no value {root}; there are {', '.join(ROOTS)}"
    if root == "item" and step.repeat is None:
        return "item is known only in a step that has `repeat`"
    if root == "steps" and rest and rest[0] not in earlier:
        return f"there is no earlier step {rest[0]}" + (f"; there are {', '.join(earlier)}" if earlier else "")
    declared = playbook.inputs.get("properties", {})
    if root == "inputs" and rest and rest[0] not in declared:
        return f"there is no input {rest[0]}" + (f"; there are {', '.join(declared)}" if declared else "")
    return None


def _texts(value: Any, at: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*at, index))
