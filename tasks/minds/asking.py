"""Ask a model once: send the conversation, pass the answer on as it comes, give back all of it or say why not.

The request runs in a thread of its own, so that the run can end it at any moment: whoever waits here looks ten times a
second whether somebody wants that.  Nothing is tried again here, and half an answer is none.  Who chooses the model,
reserves and keeps the answer: calling.py.
"""

import asyncio
import json
import queue
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
from pydantic_ai.direct import model_request_stream
from pydantic_ai.exceptions import AgentRunError, ModelAPIError, ModelHTTPError
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
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.tools import ToolDefinition

import settings
from models.secret import HIDDEN
from tasks.minds.record import Called
from tasks.model_choice import Candidate

CONNECT_S = 10.0
LOOK_EVERY_S = 0.1
GONE_WITHIN_S = 1.0
LARGEST_ANSWER = 2**20
LONGEST_REASON = 300
TRY_LATER = (408, 409, 425, 429)
NEVER_BEGUN = (501, 503, 529)
"""Of the server's own errors those that say that no answer was begun; behind another one may be paid for."""
OPENAI = "api.openai.com"


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


class NoAnswer(Exception):
    """There is no whole answer; another model, or the same one later, may have one."""

    def __init__(self, reason: str, *, is_transient: bool, is_free: bool, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason[:LONGEST_REASON]
        self.is_transient = is_transient
        self.is_free = is_free
        """Whether the server refused it: then it used nothing."""
        self.retry_after_s = retry_after_s


class CutOff(Exception):
    """Somebody wanted the call to end, and it did."""


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
            self._came.put(_why(error, self._about[0].credential))

    def _cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    async def _asked(self) -> Answer:
        self._work = asyncio.current_task()
        if self._is_over:
            raise asyncio.CancelledError
        candidate, messages, tools, within_s = self._about
        async with _client(candidate, within_s) as client:
            return await self._streamed(_model(candidate, client), candidate, messages, tools)

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
                size += len(str(getattr(event, "delta", "")))
                if size > LARGEST_ANSWER:
                    raise NoAnswer("answered without end", is_transient=False, is_free=False)
                if text := _text_of(event):
                    self._came.put(text)
            return _answer(stream.get())


def _client(candidate: Candidate, within_s: float) -> openai.AsyncOpenAI:
    trusted = settings.load().ca_bundle
    verify = ssl.create_default_context(cafile=str(trusted)) if trusted else True
    timeout = openai.Timeout(within_s, connect=min(CONNECT_S, within_s))
    # The address is the one that a person gave: no proxy of the environment and no redirect leads elsewhere.
    http = openai.DefaultAsyncHttpxClient(trust_env=False, follow_redirects=False, timeout=timeout, verify=verify)
    return openai.AsyncOpenAI(
        base_url=candidate.base_url,
        api_key=candidate.credential or "none",
        max_retries=0,
        timeout=timeout,
        http_client=http,
        # Else those of the environment are sent to whoever this is.
        default_headers={"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()},  # type: ignore[dict-item]
    )


def _model(candidate: Candidate, client: openai.AsyncOpenAI) -> OpenAIChatModel:
    profile = OpenAIModelProfile(
        # OpenAI's own newer models refuse the old name of the limit, most other servers know no other.
        openai_chat_supports_max_completion_tokens=urlsplit(candidate.base_url).hostname == OPENAI,
        openai_chat_streaming_requires_finish_reason=True,
    )
    return OpenAIChatModel(candidate.model, provider=OpenAIProvider(openai_client=client), profile=profile)


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


def _why(error: BaseException, credential: str | None) -> BaseException:
    """What went wrong, in words that hold nothing of the request; what is no failure of the server stays as it is."""

    def none(said: str, **how: Any) -> NoAnswer:
        # Some servers say which key they refuse.
        return NoAnswer(said.replace(credential, HIDDEN) if credential else said, **how)

    match error:
        case ModelHTTPError(status_code=status):
            is_transient = status in TRY_LATER or status >= 500
            is_free = not error.in_stream and (status < 500 or status in NEVER_BEGUN)
            how = {"is_transient": is_transient, "is_free": is_free, "retry_after_s": error.retry_after}
            return none(f"answered {status}{_said(error)}", **how)
        case ModelAPIError() | OSError() | openai.OpenAIError() | httpx2.HTTPError():
            return none(f"is not reached: {_cause(error)}", is_transient=True, is_free=_was_never_reached(error))
        case AgentRunError():
            return none(f"answered what cannot be read: {error.message}", is_transient=True, is_free=False)
    return error


def _cause(error: BaseException) -> str:
    causes = list(_causes(error))
    return next((text for each in reversed(causes) if (text := str(each))), type(causes[-1]).__name__)


def _was_never_reached(error: BaseException) -> bool:
    """Whether the connection did not come about: then nothing was asked."""
    return any(isinstance(each, httpx2.ConnectError | httpx2.ConnectTimeout) for each in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _said(error: ModelHTTPError) -> str:
    """What the server said besides its number."""
    body = error.body
    told = body.get("message") if isinstance(body, dict) else None
    return f": {told}" if isinstance(told, str) and told else ""
