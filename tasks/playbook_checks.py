"""What must hold in a playbook beyond its form: tools, arguments, expressions, stages, limits, retries, the schema.

Each check complains at the path where the mistake stands; whoever mends a playbook wants to see all of it at once.
"""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import ValidationError

from models.errors import NotFound
from models.states import Stage
from tasks import expressions, retry_fields
from tasks.yaml_text import Document, Path
from tools import limits
from tools.registry import find as find_tool

if TYPE_CHECKING:
    from tasks.playbook import PlannedStep, Playbook

STAGES = [stage for stage in Stage if stage is not Stage.COMPLETE]
# What an expression may name; `item` only where a step repeats.
ROOTS = ("inputs", "input", "steps", "task", "item")
# A reference may name an address, which the validator would fetch, or itself, which has no end; a pattern
# may take for ever on a short text.  Whoever checks a playbook must be able to wait for the answer.
REFUSED = {
    "$ref": "refers to another schema; write it out",
    "$dynamicRef": "refers to another schema; write it out",
    "pattern": "is not offered here; list the values with `enum`, or let a step check the text",
    "patternProperties": "is not offered here; name each input under `properties`",
}


def complain_of_form(document: Document, error: ValidationError) -> None:
    """Say what is no playbook in the document, and what is wrong with those tools and limits that can be read."""
    for each in error.errors():
        document.complain(_in_text(each["loc"]), _plainly(each["msg"], each["type"]))
    _check_limits(document, (), document.value.get("limits"))
    _check_retry(document, (), document.value.get("retry"))
    steps = document.value.get("steps")
    for index, raw in enumerate(steps if isinstance(steps, list) else []):
        if isinstance(raw, dict):
            _check_readable(document, ("steps", index), raw)


def complain_of_contents(document: Document, playbook: "Playbook") -> None:
    """Say what is wrong with a playbook whose form is right."""
    _check_schema(document, playbook)
    _check_files(document, playbook)
    _check_limits(document, (), playbook.limits)
    _check_retry(document, (), playbook.retry)
    _check_steps(document, playbook)


def _in_text(location: tuple[str | int, ...]) -> Path:
    """The path as it stands in the text: pydantic adds the branch of a union to it."""
    return tuple(part for part in location if not (isinstance(part, str) and part in ("str", "bool", "list[any]")))


def _plainly(message: str, kind: str) -> str:
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not known here"
    if kind == "enum":
        return f"must be one of {', '.join(STAGES)}"  # the stage is the only one
    return message[0].lower() + message[1:]


def _check_schema(document: Document, playbook: "Playbook") -> None:
    refused = [path for path, key in _keys(playbook.inputs, ("inputs",)) if key in REFUSED and path[-2] != "properties"]
    if refused:
        document.complain(refused[0], REFUSED[str(refused[0][-1])])
        return
    try:
        Draft202012Validator.check_schema(playbook.inputs, format_checker=Draft202012Validator.FORMAT_CHECKER)
    except SchemaError as error:
        document.complain(("inputs", *error.path), f"is not valid JSON Schema: {error.message}")
        return
    if playbook.inputs.get("type") != "object":
        document.complain(("inputs",), "must be the JSON Schema of an object (type: object)")
    for name, field in playbook.inputs.get("properties", {}).items():
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


def _check_files(document: Document, playbook: "Playbook") -> None:
    for path in playbook.files:
        parts = path.split("/")
        if path.startswith("/") or any(part in ("", ".", "..") for part in parts) or "\0" in path:
            document.complain(("files", path), "must be a plain relative path, such as src/measure.py")


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
        _check_limits(document, at, step.limits)
        _check_retry(document, at, step.retry)
        _check_expressions(document, at, step, playbook, names)
        names.append(step.name)


def _check_readable(document: Document, at: Path, raw: Mapping[str, Any]) -> None:
    tool, arguments = raw.get("tool"), raw.get("with", {})
    if isinstance(tool, str) and isinstance(arguments, dict):
        _check_tool(document, at, tool, arguments)
    _check_limits(document, at, raw.get("limits"))
    _check_retry(document, at, raw.get("retry"))


def _check_limits(document: Document, at: Path, given: object) -> None:
    for problem in limits.problems(given, "limits") if isinstance(given, dict) else []:
        document.complain((*at, *problem["path"].split(".", 1)), problem["message"])


def _check_retry(document: Document, at: Path, given: object) -> None:
    for problem in retry_fields.problems(given, "retry") if isinstance(given, dict) else []:
        document.complain((*at, *problem["path"].split(".", 1)), problem["message"])


def _check_tool(document: Document, at: Path, name: str, arguments: Mapping[str, Any]) -> None:
    try:
        tool = find_tool(name)
    except NotFound as error:
        document.complain((*at, "tool"), f"there is no tool {name}; there are {', '.join(error.details['known'])}")
        return
    try:
        tool.Input.model_validate(arguments)
    except ValidationError as error:
        for each in error.errors():
            # A value that holds an expression is known only in the run; it is validated there.
            if not _holds_expression(arguments, each["loc"]):
                document.complain((*at, "with", *each["loc"]), _plainly(each["msg"], each["type"]))


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
