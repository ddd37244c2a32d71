"""The form of a call that waits for a person: what nobody touched is sent back as it was."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tools.registry import all_tools
from webapp import approval_form, schema_form

HARD = ("1.10", '"x"', "null", "true", "[1, 2]", "", " ", "a\nb", "a\r\nb", " x ", "0x10", "é", None)


def _nullable_texts() -> Iterator[tuple[str, str]]:
    for tool in all_tools():
        for name, schema in tool.Input.model_json_schema().get("properties", {}).items():
            kinds = {each.get("type") for each in schema.get("anyOf", [])}
            if {"string", "null"} <= kinds:
                yield tool.name, name


NULLABLE_TEXTS = list(_nullable_texts())


def _shown(form: approval_form.Form) -> dict[str, str]:
    """What a browser sends of the form when nobody changed it."""
    boxes = {each.key: "on" for each in form.fields if each.kind == "switch" and each.value}
    texts = {each.key: each.shown.replace("\r\n", "\n") for each in form.fields if each.kind != "switch"}
    return boxes | {key: text.replace("\n", "\r\n") for key, text in texts.items()}


def _sent(tool: str, before: Mapping[str, Any], typed: Mapping[str, str]) -> dict[str, Any]:
    shown = _shown(approval_form.form_of(tool, before))
    return approval_form.arguments_of(approval_form.sent(tool, before, shown | typed))


def test_there_are_texts_that_may_be_none() -> None:
    assert NULLABLE_TEXTS


@pytest.mark.parametrize(("tool", "name"), NULLABLE_TEXTS)
def test_text_that_may_be_none_comes_back_as_it_was(tool: str, name: str) -> None:
    assert [_sent(tool, {name: value}, {}) for value in HARD] == [{name: value} for value in HARD]


@pytest.mark.parametrize(("tool", "name"), NULLABLE_TEXTS)
def test_what_is_typed_into_such_a_text_is_a_text(tool: str, name: str) -> None:
    key = f"{schema_form.PREFIX}{name}"
    typed = ("1.10", '"x"', "null", "0x10")
    assert [_sent(tool, {name: "before"}, {key: text})[name] for text in typed] == list(typed)
    assert _sent(tool, {name: "before"}, {key: ""}) == {name: None}


def test_argument_that_was_not_there_stays_away() -> None:
    tool = next(each for each in all_tools() if each.name == "files.write")
    before = {"path": "output/a.txt", "text": "one\r\ntwo"}
    assert _sent(tool.name, before, {}) == before
    assert _sent(tool.name, before, {"in.path": "output/b.txt"}) == before | {"path": "output/b.txt"}


@pytest.mark.parametrize("value", ["1.10", '"x"', "null", "{broken", "", " ", ["a", 1], {"a": None}, 1.5])
def test_field_of_json_is_read_as_what_was_shown(value: Any) -> None:
    schema = {"properties": {"any": {}}}
    [field] = schema_form.fields_of(schema, {"any": value})
    assert schema_form.inputs_of([field], {field.key: field.shown}) == {"any": value}
