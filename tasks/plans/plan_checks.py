"""What must hold in every plan beyond its form: the schema of its inputs, files, limits, retries, approvals.

What a playbook needs besides: playbook_checks.py; a model plan: model_checks.py.
"""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import ValidationError

from models.errors import NotFound
from models.states import Stage
from tasks.plans import retry_fields
from tasks.plans.plan_fields import WHOLE_PLAN, PlanFields
from tasks.plans.yaml_text import Document, Path
from tools import limits, mistakes
from tools.registry import find as find_tool

STAGES = [stage for stage in Stage if stage is not Stage.COMPLETE]
# A reference may name an address, which the validator would fetch, or itself, which has no end; a pattern
# may take for ever on a short text.  Whoever checks a playbook must be able to wait for the answer.
REFUSED = {
    "$ref": "refers to another schema; write it out",
    "$dynamicRef": "refers to another schema; write it out",
    "pattern": "is not offered here; list the values with `enum`, or let a step check the text",
    "patternProperties": "is not offered here; name each input under `properties`",
}


def complain_of_form(document: Document, error: ValidationError) -> None:
    """Say what is no plan in the document, and what is wrong with those limits that can be read."""
    for each in error.errors():
        document.complain(_in_text(each["loc"]), plainly(each["msg"], each["type"]))
    check_limits(document, (), document.value.get("limits"))
    check_retry(document, (), document.value.get("retry"))


def complain_of_contents(document: Document, plan: PlanFields) -> None:
    """Say what is wrong with a plan whose form is right."""
    _check_schema(document, plan)
    _check_files(document, plan)
    check_limits(document, (), plan.limits)
    check_retry(document, (), plan.retry)
    for index, name in enumerate(plan.approvals):
        if name != WHOLE_PLAN and (wrong := unknown_tool(name)):
            document.complain(("approvals", index), wrong)


def unknown_tool(name: str) -> str:
    """What is wrong with the tool's name; empty when there is such a tool."""
    try:
        find_tool(name)
    except NotFound as error:
        return f"there is no tool {name}; there are {', '.join(error.details['known'])}"
    return ""


def _check_schema(document: Document, plan: PlanFields) -> None:
    refused = [path for path, key in _keys(plan.inputs, ("inputs",)) if key in REFUSED and path[-2] != "properties"]
    if refused:
        document.complain(refused[0], REFUSED[str(refused[0][-1])])
        return
    try:
        Draft202012Validator.check_schema(plan.inputs, format_checker=Draft202012Validator.FORMAT_CHECKER)
    except SchemaError as error:
        document.complain(("inputs", *error.path), f"is not valid JSON Schema: {error.message}")
        return
    if plan.inputs.get("type") != "object":
        document.complain(("inputs",), "must be the JSON Schema of an object (type: object)")
    for name, field in plan.inputs.get("properties", {}).items():
        at: Path = ("inputs", "properties", name)
        if not isinstance(field, dict):
            document.complain(at, "must say what the input is, such as {type: string}")
        elif field.get("format") == "source" and field.get("type") != "string":
            document.complain(at, "has the format `source`, and so must have `type: string`")


def _keys(value: Any, at: Path) -> Iterator[tuple[Path, str]]:
    """Every key of every mapping in the value, with its path."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*at, key), key
            yield from _keys(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _keys(item, (*at, index))


def _check_files(document: Document, plan: PlanFields) -> None:
    for path in plan.files:
        parts = path.split("/")
        if path.startswith("/") or any(part in ("", ".", "..") for part in parts) or "\0" in path:
            document.complain(("files", path), "must be a plain relative path, such as src/measure.py")


def check_limits(document: Document, at: Path, given: object) -> None:
    """Say what is wrong with limits as they were written at the path."""
    for problem in limits.problems(given, "limits") if isinstance(given, dict) else []:
        document.complain((*at, *problem["path"].split(".", 1)), problem["message"])


def check_retry(document: Document, at: Path, given: object) -> None:
    """Say what is wrong with what was written about retries at the path."""
    for problem in retry_fields.problems(given, "retry") if isinstance(given, dict) else []:
        document.complain((*at, *problem["path"].split(".", 1)), problem["message"])


def _in_text(location: tuple[str | int, ...]) -> Path:
    """The path as it stands in the text: pydantic adds the branch of a union to it."""
    return tuple(
        part for part in location if not (isinstance(part, str) and part in ("str", "float", "bool", "list[any]"))
    )


def plainly(message: str, kind: str) -> str:
    """What pydantic says, as people read it."""
    if kind == "enum":
        return f"must be one of {', '.join(STAGES)}"  # the stage is the only one
    return mistakes.said(kind, message)
