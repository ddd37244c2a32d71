"""What the model is sent: the opening, then every answer and what became of its calls, made from the record alone."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.tools import ToolDefinition

from models.errors import InvalidInput
from tasks.minds import record
from tasks.minds.offer import Offer
from tasks.minds.opening import Opening
from tasks.minds.record import Called, Turn
from tasks.spending.token_estimate import of_question

OPENED_AGAIN = "A person had the task opened again. Look at what is there and go on."
NOT_DONE = "This call was not made."
NO_WORDS = "(an empty answer)"
LEFT_OUT = "(left out here, since the conversation became too long; call again what you need once more)"
BYTES_OF_A_TOKEN = 3
"""At least, in what people and programs write."""


def messages(opening: Opening, turns: Sequence[Turn], epoch: int, most_tokens: int | None = None) -> list[ModelMessage]:
    """The conversation so far, up to what the model is to answer now in that epoch.

    Where it has room for `most_tokens` only, results are left out of it, the oldest first.
    """
    turns = _fitting(opening, turns, epoch, most_tokens)
    first: list[ModelRequestPart] = [SystemPromptPart(opening.prompt.text), UserPromptPart(opening.asked)]
    found: list[ModelMessage] = [ModelRequest(parts=first)]
    for turn, then in _with_next(turns, epoch):
        found += [_response(turn), ModelRequest(parts=list(_became(turn, then)))]
    return found


def definitions(offer: Offer) -> list[ToolDefinition]:
    """What may be called, as the library writes it."""
    return [
        ToolDefinition(name=each.name, description=each.purpose, parameters_json_schema=each.schema)
        for each in offer.all
    ]


def estimate(opening: Opening, turns: Sequence[Turn], epoch: int, model: str, tools: Sequence[ToolDefinition]) -> int:
    """Most tokens that the question has, by what this model's server counted of it before."""
    sizes, last = [_size(opening.prompt.text), _size(opening.asked)], None
    for turn, then in _with_next(turns, epoch):
        if turn.model == model:
            last = turn.counted(len(sizes)) or last
        sizes.append(_size(json.dumps(turn.message)))
        sizes += [_size(str(part.content)) for part in _became(turn, then)]
    return of_question(sizes, sum(_size(f"{each}") for each in tools), last)


def _fitting(opening: Opening, turns: Sequence[Turn], epoch: int, most_tokens: int | None) -> Sequence[Turn]:
    """The turns with as many of their results as there is room for; the last one keeps all of its own."""
    if most_tokens is None:
        return turns
    over = sum(_sizes(opening, turns, epoch)) - most_tokens * BYTES_OF_A_TOKEN
    fitting = list(turns)
    for index, turn in enumerate(turns[:-1]):
        if over <= 0:
            break
        over -= sum(max(0, _size(act.text) - _size(LEFT_OUT)) for act in turn.acts)
        short = [act if len(act.text) <= len(LEFT_OUT) else replace(act, text=LEFT_OUT) for act in turn.acts]
        fitting[index] = replace(turn, acts=short)
    return fitting


def _sizes(opening: Opening, turns: Sequence[Turn], epoch: int) -> Iterator[int]:
    yield _size(opening.prompt.text) + _size(opening.asked)
    for turn, then in _with_next(turns, epoch):
        yield _size(json.dumps(turn.message))
        yield sum([_size(str(part.content)) for part in _became(turn, then)])


def _with_next(turns: Sequence[Turn], epoch: int) -> Iterator[tuple[Turn, int]]:
    """Each answer, and the epoch of the one that follows it."""
    epochs = [*(turn.epoch for turn in turns[1:]), epoch]
    return zip(turns, epochs, strict=False)


def _response(turn: Turn) -> ModelResponse:
    (found,) = ModelMessagesTypeAdapter.validate_python([turn.message])
    assert isinstance(found, ModelResponse)  # noqa: S101  (it was one when it was kept)
    parts = [_sendable(part) if isinstance(part, ToolCallPart) else part for part in found.parts]
    return replace(found, parts=parts or [TextPart(NO_WORDS)])


def _sendable(call: ToolCallPart) -> ToolCallPart:
    """The call; many servers refuse a conversation in which its arguments are no JSON object."""
    if isinstance(call.args, dict):
        return call
    written = call.args or "{}"
    try:
        record.arguments_of(Called(call.tool_call_id, call.tool_name, written))
    except InvalidInput:
        written = json.dumps({"not_readable": written})
    return replace(call, args=written)


def _became(turn: Turn, then: int) -> Iterator[ToolReturnPart | UserPromptPart]:
    """What the model is told after its answer."""
    acts = {act.key: act for act in turn.acts}
    for number, call in enumerate(turn.calls, 1):
        act = acts.get(f"{turn.key}.{number}")
        yield ToolReturnPart(call.name, act.text if act else NOT_DONE, call.id)
    if not turn.calls and (said := acts.get(f"{turn.key}.1")):
        yield UserPromptPart(said.text)
    if then != turn.epoch:
        yield UserPromptPart(OPENED_AGAIN)


def _size(text: str) -> int:
    return len(text.encode())
