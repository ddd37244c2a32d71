"""What every tool promises (tools/contract.py).  A new tool file joins by being there.

What single tools do is tested below in this folder and in tests/unit/tools.
"""

import inspect
import json
import re
from importlib import import_module

import pytest
from jsonschema import Draft202012Validator

from models.errors import InvalidInput
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
