"""No library's words reach people: what is wrong is said in ours."""

import json
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools import mistakes


class Given(BaseModel):
    """Something of everything."""

    model_config = ConfigDict(extra="forbid")
    count: int = Field(1, ge=1)
    price: float = 1.0
    key: UUID | None = None
    name: str = Field("", max_length=3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"count": "much"}, "must be a whole number"),
        ({"count": 1.5}, "must be a whole number"),
        ({"count": 0}, "must be greater than or equal to 1"),
        ({"price": "much"}, "must be a number"),
        ({"key": "x"}, "must be an id, such as those that addresses end with"),
        ({"name": "long"}, "must have at most 3 characters"),
        ({"name": []}, "must be a text"),
        ({"other": 1}, "is not known here"),
    ],
)
def test_mistakes_are_said_in_our_words(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        Given.model_validate(given)
    assert [mistakes.of_error(each) for each in wrong.value.errors()] == [said]


def test_what_our_own_checks_say_stands_alone() -> None:
    assert mistakes.said("value_error", "Value error, give either code or file") == "give either code or file"


def test_broken_json_says_where() -> None:
    with pytest.raises(json.JSONDecodeError) as wrong:
        json.loads('{"a": 1 "b": 2}')
    assert mistakes.of_json(wrong.value).startswith("look at line 1, column 9:")
