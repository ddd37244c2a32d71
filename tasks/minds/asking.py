"""Ask a model once: send the conversation, pass the answer on as it comes, give back all of it or say why not.

The request runs in a thread of its own, so that the run can end it at any moment: whoever waits here looks ten times a
second whether somebody wants that.  Nothing is tried again here, and half an answer is none.  Who chooses the model,
reserves and keeps the answer: calling.py.  What is no answer: failures.py.
"""

import asyncio
import json
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.tools import ToolDefinition

from tasks.minds.failures import CutOff, NoAnswer, why
from tasks.minds.record import Called
from tasks.minds.servers import client_for, model_for
from tasks.providers.choice import Candidate

LOOK_EVERY_S = 0.1
GONE_WITHIN_S = 1.0
LARGEST_ANSWER = 2**20


@dataclass(frozen=True)
class Answer:
    """All that a model answered."""

    text: str
    calls: list[Called]
    finish_reason: str
    refusal: str
    input_tokens: int
    output_tokens: int
    message: dict[str, Any] = field(repr=False)
    """Verbatim, as JSON of the library."""


def ask(
    candidate: Candidate,
    messages: Sequence[ModelMessage],
    tools: Sequence[ToolDefinition],
    within_s: float,
    emit: Callable[[str], None],
    is_cut: Callable[[], bool],
) -> Answer:
    """The model's answer to the conversation; `emit` gets its text as it comes.

    Raises:
        NoAnswer: there is none, or not all of it.
        CutOff: `is_cut` said so.
    """
    request = _Request(candidate, list(messages), list(tools), within_s)
    request.start()
    until = time.monotonic() + within_s
    try:
        while True:
            if is_cut():
                raise CutOff
            if time.monotonic() > until:
                raise NoAnswer(f"gave no whole answer within {within_s:g} s", is_transient=True, is_free=False)
            match request.next(LOOK_EVERY_S):
                case str() as text:
                    emit(text)
                case Answer() as answer:
                    return answer
                case BaseException() as error:
                    raise error
    finally:
        request.end()


class _Request(threading.Thread):
    """One request; what comes of it is taken with `next`."""

    def __init__(
        self, candidate: Candidate, messages: list[ModelMessage], tools: list[ToolDefinition], within_s: float
    ) -> None:
        super().__init__(name=f"asks {candidate.name}", daemon=True)
        self._about = (candidate, messages, tools, within_s)
        self._came: queue.SimpleQueue[str | Answer | BaseException] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._work: asyncio.Task[Answer] | None = None
        self._is_over = False

    def next(self, timeout_s: float) -> str | Answer | BaseException | None:
        """The next piece of text, the whole answer, or what went wrong; None where nothing came so soon."""
        try:
            return self._came.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def end(self) -> None:
        """Close the connection, if it is still open, and wait for that."""
        self._is_over = True
        # It may end by itself between two looks at it: a loop that is closed takes no calls.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._cancel)
        self.join(GONE_WITHIN_S)

    def run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                answer = runner.run(self._asked())
            self._came.put(answer)
        except asyncio.CancelledError:
            return
        except BaseException as error:  # noqa: BLE001  (it is raised where somebody waits for it)
            self._came.put(why(error, self._about[0].credential))

    def _cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    async def _asked(self) -> Answer:
        self._work = asyncio.current_task()
        if self._is_over:
            raise asyncio.CancelledError
        candidate, messages, tools, within_s = self._about
        async with client_for(candidate, within_s) as client:
            return await self._streamed(model_for(candidate, client), candidate, messages, tools)

    async def _streamed(
        self, model: OpenAIChatModel, candidate: Candidate, messages: list[ModelMessage], tools: list[ToolDefinition]
    ) -> Answer:
        size = 0
        asked = model_request_stream(
            model,
            messages,
            model_settings={"max_tokens": candidate.output_tokens},
            model_request_parameters=ModelRequestParameters(function_tools=tools),
        )
        async with asked as stream:
            async for event in stream:
                size += _size_of(event)
                _bound(size)
                if text := _text_of(event):
                    self._came.put(text)
            response = stream.get()
            # What came into a part by another way than piece by piece is seen here.
            _bound(sum(len(str(part)) for part in response.parts))
            return _answer(response)


def _size_of(event: Any) -> int:
    """How much of the answer comes with it: the beginning of a part may hold all of that."""
    match event:
        case PartStartEvent(part=came) | PartDeltaEvent(delta=came):
            return len(str(came))
    return 0


def _bound(size: int) -> None:
    if size > LARGEST_ANSWER:
        raise NoAnswer("answered without end", is_transient=False, is_free=False)


def _text_of(event: Any) -> str:
    match event:
        case PartStartEvent(part=TextPart(content=text)):
            return text
        case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            return text
    return ""


def _answer(response: ModelResponse) -> Answer:
    if response.finish_reason is None or response.finish_reason == "error":
        raise NoAnswer("broke off in the middle of its answer", is_transient=True, is_free=False)
    message = ModelMessagesTypeAdapter.dump_python([response], mode="json")[0]
    calls = [
        Called(
            call.tool_call_id, call.tool_name, call.args if isinstance(call.args, str) else json.dumps(call.args or {})
        )
        for call in response.tool_calls
    ]
    refusal = str((response.provider_details or {}).get("refusal") or "")
    used = response.usage
    return Answer(
        response.text or "", calls, str(response.finish_reason), refusal, used.input_tokens, used.output_tokens, message
    )
