"""A playbook: a plan as data.  Parse it, say everything that is wrong with it, show what it would call.

The format is explained in docs/reference/playbooks.md.  Line numbers: yaml_text.py; what
`{{ … }}` may contain: expressions.py.
"""

import json
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import InvalidInput, NotFound, Problem
from models.states import Stage
from tasks import expressions
from tasks.yaml_text import Document, Path, read
from tools.registry import find as find_tool

MOST_STEPS = 500
SLUG = r"^[a-z0-9][a-z0-9_-]{0,79}$"
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


class PlannedStep(BaseModel):
    """One step as the playbook says it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: str = Field("", pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,59})?$")
    title: str = Field("", max_length=200)
    stage: Stage
    tool: str
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    when: str | bool | None = None
    repeat: str | list[Any] | None = None


class Playbook(BaseModel):
    """A whole plan.  `files` are written into the workspace before the first step."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("playbook", pattern=SLUG)
    title: str = Field("", max_length=200)
    version: str = Field("1", max_length=40, coerce_numbers_to_str=True)
    description: str = Field("", max_length=10_000)
    complexity: int = Field(3, ge=1, le=10)
    inputs: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    files: dict[str, str] = Field(default_factory=dict)
    steps: list[PlannedStep] = Field(min_length=1, max_length=MOST_STEPS)

    def model_post_init(self, _context: Any) -> None:
        for position, step in enumerate(self.steps, 1):
            step.name = step.name or f"{step.tool.replace('.', '_')}_{position}"
            step.title = step.title or step.name.replace("_", " ").capitalize()


class PlannedCall(BaseModel):
    """What a step would call; an expression that only the run can know stands as it was written."""

    key: str
    title: str
    stage: Stage
    tool: str
    arguments: dict[str, Any]
    when: str | bool | None = None


def parse(text: str) -> Playbook:
    """The playbook of a YAML or JSON text.

    Raises:
        InvalidInput: its `problems` name every mistake, with path and line.
    """
    playbook, found = _examine(text)
    if found or playbook is None:
        raise InvalidInput("cannot use this playbook", problems=found)
    return playbook


def problems(text: str) -> list[Problem]:
    """Everything that is wrong with the text; empty when it is a playbook."""
    return _examine(text)[1]


def check_inputs(playbook: Playbook, inputs: dict[str, Any]) -> list[Problem]:
    """What is wrong with these inputs, one problem a field; paths begin with `inputs`."""
    validator = Draft202012Validator(playbook.inputs)
    return [
        Problem(path=".".join(["inputs", *map(str, _field_of(error))]), line=None, message=_said_plainly(error))
        for error in sorted(validator.iter_errors(inputs), key=lambda each: list(map(str, each.path)))
    ]


def with_defaults(playbook: Playbook, inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs, and the schema's default for each one that was not given."""
    fields = playbook.inputs.get("properties", {})
    return {**{name: field["default"] for name, field in fields.items() if "default" in field}, **inputs}


def dry_run(playbook: Playbook, inputs: dict[str, Any]) -> list[PlannedCall]:
    """What would be called with these inputs, in order; nothing is run."""
    names = {"inputs": with_defaults(playbook, inputs), "task": {"title": playbook.title}}
    return [
        PlannedCall(
            key=step.name,
            title=step.title,
            stage=step.stage,
            tool=step.tool,
            arguments=_as_far_as_known(step.with_, names),
            when=step.when,
        )
        for step in playbook.steps
    ]


def _as_far_as_known(value: Any, names: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _as_far_as_known(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_far_as_known(item, names) for item in value]
    try:
        return expressions.render(value, names)
    except InvalidInput:
        return value


def _examine(text: str) -> tuple[Playbook | None, list[Problem]]:
    document = read(text)
    if document.problems:
        return None, document.problems
    if not isinstance(document.value, dict):
        document.complain((), "must be a mapping with `steps`")
        return None, document.problems
    try:
        playbook = Playbook.model_validate(document.value)
    except ValidationError as error:
        for each in error.errors():
            document.complain(_in_text(each["loc"]), _plainly(each["msg"], each["type"]))
        _check_readable_tools(document)
        return None, document.problems
    _check_schema(document, playbook)
    _check_files(document, playbook)
    _check_steps(document, playbook)
    return playbook, document.problems


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


def _check_schema(document: Document, playbook: Playbook) -> None:
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


def _check_files(document: Document, playbook: Playbook) -> None:
    for path in playbook.files:
        parts = path.split("/")
        if path.startswith("/") or any(part in ("", ".", "..") for part in parts) or "\0" in path:
            document.complain(("files", path), "must be a plain relative path, such as src/measure.py")


def _check_steps(document: Document, playbook: Playbook) -> None:
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
        _check_tool(document, at, step)
        _check_expressions(document, at, step, playbook, names)
        names.append(step.name)


def _check_readable_tools(document: Document) -> None:
    """Check the tools of a playbook that is wrong elsewhere: whoever mends it wants to see all of it at once."""
    steps = document.value.get("steps")
    for index, raw in enumerate(steps if isinstance(steps, list) else []):
        tool, arguments = (raw.get("tool"), raw.get("with", {})) if isinstance(raw, dict) else (None, None)
        if isinstance(tool, str) and isinstance(arguments, dict):
            _check_tool(
                document, ("steps", index), PlannedStep.model_construct(stage=STAGES[0], tool=tool, with_=arguments)
            )


def _check_tool(document: Document, at: Path, step: PlannedStep) -> None:
    try:
        tool = find_tool(step.tool)
    except NotFound as error:
        document.complain((*at, "tool"), f"there is no tool {step.tool}; there are {', '.join(error.details['known'])}")
        return
    try:
        tool.Input.model_validate(step.with_)
    except ValidationError as error:
        for each in error.errors():
            # A value that holds an expression is known only in the run; it is validated there.
            if not _holds_expression(step.with_, each["loc"]):
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


def _check_expressions(document: Document, at: Path, step: PlannedStep, playbook: Playbook, earlier: list[str]) -> None:
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


def _wrong_name(name: tuple[str, ...], step: PlannedStep, playbook: Playbook, earlier: list[str]) -> str | None:
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


def _field_of(error: Any) -> list[str | int]:
    """The field that the person must mend: for a missing one its own name."""
    if error.validator == "required":
        # One error for each missing field, which only its message names.
        missing = [name for name in error.validator_value if error.message.startswith(f"{name!r} ")]
        return [*error.path, *missing[:1]]
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        unknown = [name for name in error.instance if name not in error.schema.get("properties", {})]
        return [*error.path, unknown[0]]
    return list(error.path)


def _said_plainly(error: Any) -> str:
    if error.validator == "required":
        return "is missing"
    if error.validator == "additionalProperties":
        return f"is not an input of this playbook; there are {', '.join(error.schema.get('properties', {})) or 'none'}"
    return str(error.message)
