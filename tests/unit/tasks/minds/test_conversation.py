"""The conversation is made from the record: to the letter, in a form that servers take, within the model's room."""

import json
from dataclasses import replace
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse, TextPart, ToolCallPart

from tasks import prompts
from tasks.minds import conversation
from tasks.minds.opening import Opening
from tasks.minds.record import Act, Called, Turn

OPENING = Opening(prompts.find("agent"), "# Task: Count")


def turn(number: int, told: str, arguments: str = '{"path": "a"}', epoch: int = 1) -> Turn:
    answer = ModelResponse(
        parts=[TextPart(f"Answer {number}."), ToolCallPart("files_read", arguments, f"call-{number}")]
    )
    message = ModelMessagesTypeAdapter.dump_python([answer], mode="json")[0]
    calls = [Called(f"call-{number}", "files_read", arguments)]
    acts = [Act(f"m{number}.1", "files.read", {}, told, epoch)]
    return Turn(
        number, f"id-{number}", epoch, f"Answer {number}.", calls, "tool_call", message, "local/small", 100, 10, acts
    )


def told(messages: list[ModelMessage]) -> list[Any]:
    """What stands behind the answers."""
    return [part.content for message in messages[2::2] for part in message.parts]  # type: ignore[union-attr]


def test_results_are_sent_as_they_were_kept() -> None:
    found = conversation.messages(OPENING, [turn(1, "one"), turn(2, "two")], 1)
    assert [message.kind for message in found] == ["request", "response", "request", "response", "request"]
    assert told(found) == ["one", "two"]


def test_arguments_that_are_no_object_are_sent_as_one() -> None:
    found = conversation.messages(OPENING, [turn(1, "bad", '{"path": ')], 1)
    (call,) = [part for part in found[1].parts if isinstance(part, ToolCallPart)]
    assert json.loads(str(call.args)) == {"not_readable": '{"path": '}


def test_arguments_nested_too_deeply_are_sent_as_text() -> None:
    deep = '{"a": ' + "[" * 1200 + "]" * 1200 + "}"
    found = conversation.messages(OPENING, [turn(1, "bad", deep)], 1)
    (call,) = [part for part in found[1].parts if isinstance(part, ToolCallPart)]
    assert json.loads(str(call.args)) == {"not_readable": deep}


def test_call_that_was_never_made_and_an_opening_anew_are_said() -> None:
    unmade = replace(turn(1, "one"), acts=[])
    assert told(conversation.messages(OPENING, [unmade], 2)) == [conversation.NOT_DONE, conversation.OPENED_AGAIN]


def test_oldest_results_are_left_out_where_there_is_no_room() -> None:
    turns = [turn(number, str(number) * 3000) for number in range(1, 6)]
    assert told(conversation.messages(OPENING, turns, 1, most_tokens=100_000)) == [
        act.text for t in turns for act in t.acts
    ]
    short = told(conversation.messages(OPENING, turns, 1, most_tokens=4_000))
    assert short[0] == conversation.LEFT_OUT
    assert short[-1] == "5" * 3000
    assert told(conversation.messages(OPENING, turns, 1, most_tokens=1))[-1] == "5" * 3000


def test_what_a_server_counted_is_not_estimated_again() -> None:
    turns = [turn(1, "x" * 30_000)]
    assert conversation.estimate(OPENING, turns, 1, "other/model", []) > 30_000
    more = [*turns, turn(2, "short")]
    more[1].input_tokens = 9_000
    assert 9_000 < conversation.estimate(OPENING, more, 1, "local/small", []) < 10_000
