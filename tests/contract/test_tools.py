"""What every tool promises (tools/contract.py).  A new tool file joins by being there.

What single tools do is tested below in this folder and in tests/unit/tools.
"""

import inspect
import json
import re
from importlib import import_module
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from models.errors import InvalidInput
from tasks.approvals.card import exactly
from tools.contract import Arguments, Effect, Limits, Tool, Values
from tools.registry import all_tools, find

EVERY_TOOL = pytest.mark.parametrize("tool", all_tools(), ids=lambda tool: tool.name)


@EVERY_TOOL
def test_name_is_two_words_and_finds_the_tool(tool: Tool) -> None:
    assert re.fullmatch(r"[a-z][a-z_]*\.[a-z][a-z_]*", tool.name)
    assert type(find(tool.name)) is type(tool)


@EVERY_TOOL
def test_declaration_is_complete(tool: Tool) -> None:
    assert isinstance(tool.effect, Effect)
    assert isinstance(tool.limits, Limits)
    assert isinstance(tool.approval, bool)
    assert tool.needs <= {"sandbox", "network", "secret"}
    assert issubclass(tool.Input, Arguments)
    assert issubclass(tool.Output, Values)


@EVERY_TOOL
def test_purpose_is_one_sentence_for_people_and_models(tool: Tool) -> None:
    assert tool.purpose[0].isupper()
    assert tool.purpose.endswith(".")
    assert "\n" not in tool.purpose
    assert len(tool.purpose) <= 160


@EVERY_TOOL
def test_schemas_are_valid_and_every_argument_is_described(tool: Tool) -> None:
    for model in (tool.Input, tool.Output):
        Draft202012Validator.check_schema(model.model_json_schema())
    for name, schema in tool.Input.model_json_schema()["properties"].items():
        assert schema.get("description"), f"{tool.name}: {name} has no description"


@EVERY_TOOL
def test_unknown_argument_is_refused_by_name(tool: Tool) -> None:
    with pytest.raises(InvalidInput) as caught:
        tool.parse({"no_such_argument": 1})
    assert "no_such_argument" in {problem["path"] for problem in caught.value.problems}


@EVERY_TOOL
def test_every_mistake_is_reported_not_only_the_first(tool: Tool) -> None:
    required = tool.Input.model_json_schema().get("required", [])
    with pytest.raises(InvalidInput) as caught:
        tool.parse({"no_such_argument": 1})
    assert {*required, "no_such_argument"} <= {problem["path"] for problem in caught.value.problems}


@EVERY_TOOL
def test_tool_keeps_no_state_between_calls(tool: Tool) -> None:
    assert vars(tool) == {}


@EVERY_TOOL
def test_pure_tool_needs_nothing_of_the_outside(tool: Tool) -> None:
    if tool.effect is Effect.PURE:
        assert "secret" not in tool.needs


@EVERY_TOOL
def test_module_imports_no_upper_floor_and_no_database(tool: Tool) -> None:
    source = inspect.getsource(import_module(type(tool).__module__))
    assert not re.search(r"^\s*(?:from|import) (?:tasks|worker|webapp|flask|sqlalchemy)\b", source, re.MULTILINE)


def test_schemas_are_json() -> None:
    json.dumps([tool.Input.model_json_schema() for tool in all_tools()])


@EVERY_TOOL
def test_what_a_person_approves_is_what_is_called(tool: Tool) -> None:
    call = tool.parse(some_arguments(tool))
    shown = exactly(call)
    assert tool.parse(json.loads(json.dumps(shown))) == call, "the arguments, shown as JSON, must be the same call"


def some_arguments(tool: Tool) -> dict[str, Any]:
    """Arguments that the tool takes, made from its schema; `Field(examples=[…])` helps where that is not enough."""
    schema = tool.Input.model_json_schema()
    fields = schema.get("properties", {})
    required = {name: _some(fields[name], schema) for name in schema.get("required", [])}
    # Of those that may be left out, one may be needed after all.
    tried = [required, *({**required, name: _some(field, schema, anew=True)} for name, field in fields.items())]
    found = next((each for each in tried if _is_taken(tool, each)), None)
    assert found is not None, f"no arguments found that {tool.name} takes: give its fields examples"
    return {**{name: field["default"] for name, field in fields.items() if "default" in field}, **found}


def _is_taken(tool: Tool, arguments: dict[str, Any]) -> bool:
    try:
        tool.parse(arguments)
    except InvalidInput:
        return False
    return True


def _some(field: dict[str, Any], schema: dict[str, Any], *, anew: bool = False) -> Any:
    """A value of the field; `anew`: another than its default."""
    if "$ref" in field:
        field = schema["$defs"][field["$ref"].rpartition("/")[2]]
    if "examples" in field:
        return field["examples"][0]
    if "default" in field and not anew:
        return field["default"]
    if "anyOf" in field:
        return _some(field["anyOf"][0], schema)
    if "enum" in field:
        return field["enum"][0]
    kind = field.get("type")
    if kind == "object":
        return {name: _some(each, schema) for name, each in field.get("properties", {}).items()}
    if kind == "array":
        return [_some(field.get("items", {}), schema)] * max(1, field.get("minItems", 1))
    text = "https://example.org/a" if "url" in field.get("title", "").lower() else "abc"
    least = field.get("minimum", 1)
    return {"string": text, "integer": least, "number": least + 0.5, "boolean": True}.get(str(kind))
