"""What a model wrote as arguments is read, or refused in words; it never ends the run."""

import json

import pytest

from models.errors import InvalidInput
from tasks.minds.record import MOST_DEPTH, Called, arguments_of


def called(arguments: str) -> Called:
    return Called("1", "files_write", arguments)


def nested(depth: int) -> str:
    """An object with lists in it, so many levels in all."""
    return '{"a": ' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


def test_arguments_are_a_json_object() -> None:
    assert arguments_of(called("")) == {}
    assert arguments_of(called('{"path": "a"}')) == {"path": "a"}


@pytest.mark.parametrize("depth", [MOST_DEPTH + 1, 1_200, 100_000])
def test_arguments_that_are_nested_too_deeply_are_refused(depth: int) -> None:
    with pytest.raises(InvalidInput, match="nested more than 100 deep"):
        arguments_of(called(nested(depth)))


def test_arguments_may_be_nested_as_deeply_as_is_said() -> None:
    assert json.dumps(arguments_of(called(nested(MOST_DEPTH)))) == nested(MOST_DEPTH)


@pytest.mark.parametrize("text", ["[1]", '"a"', '{"a": ', "null"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        arguments_of(called(text))
