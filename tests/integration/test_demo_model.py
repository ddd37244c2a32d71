"""The demo model as programs see it that talk to real ones."""

import asyncio
import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
import requests

from tests.support.model_server import demo_process, playing
from worker.demo.script import Play
from worker.demo.server import ModelServer

SAID: list[Any] = [{"role": "user", "content": "Write a file."}]
WRITE: list[Any] = [
    {
        "type": "function",
        "function": {"name": "files_write", "parameters": {"type": "object", "properties": {"path": {}, "text": {}}}},
    }
]
CALL = {"name": "files.write", "arguments": {"path": "output/a.txt", "text": "a text that takes many pieces " * 3}}


def client(server: ModelServer, key: str = "none") -> openai.OpenAI:
    return openai.OpenAI(base_url=server.url, api_key=key, max_retries=0)


def ask(server: ModelServer, key: str = "none", **more: Any) -> Any:
    with client(server, key) as asked:
        return asked.chat.completions.create(model="demo", messages=SAID, tools=WRITE, **more)


def streamed(server: ModelServer) -> list[Any]:
    with client(server) as asked:
        options: Any = {"include_usage": True}
        stream = asked.chat.completions.create(
            model="demo", messages=SAID, tools=WRITE, stream=True, stream_options=options
        )
        return list(stream)


def outcomes(server: ModelServer) -> list[str]:
    return [each["outcome"] for each in server.journal.entries()]


def test_answer_has_text_call_and_usage() -> None:
    with playing([{"text": "I write.", "tool_calls": [CALL], "usage": {"input": 100, "output": 7}}]) as server:
        answer = ask(server)
    [call] = answer.choices[0].message.tool_calls
    assert answer.choices[0].message.content == "I write."
    assert answer.choices[0].finish_reason == "tool_calls"
    assert (call.function.name, json.loads(call.function.arguments)) == ("files_write", CALL["arguments"])
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (100, 7, 107)


def test_stream_brings_call_in_pieces_and_usage_last() -> None:
    with playing([{"text": "I write.", "tool_calls": [CALL], "usage": {"input": 100, "output": 7}}]) as server:
        pieces = streamed(server)
    deltas = [each.choices[0].delta for each in pieces if each.choices]
    assert "".join(each.content or "" for each in deltas) == "I write."
    parts = [part.function.arguments for each in deltas for part in each.tool_calls or []]
    assert len(parts) > 3
    assert json.loads("".join(parts)) == CALL["arguments"]
    assert [each.usage.total_tokens for each in pieces if each.usage] == [107]
    assert pieces[-1].usage


def test_malformed_arguments_are_sent_as_they_stand() -> None:
    with playing([{"tool_calls": [{"name": "files.write", "arguments": '{"path": '}]}]) as server:
        assert ask(server).choices[0].message.tool_calls[0].function.arguments == '{"path": '


def test_script_that_cannot_be_played_is_answered_and_noted() -> None:
    with playing([{"text": "-"}]) as server:
        broken = Play.model_construct(about="(")
        server.script = server.script.model_copy(update={"conversations": [broken]})
        with pytest.raises(openai.InternalServerError, match="cannot play the script"):
            ask(server)
        [entry] = server.journal.entries()
    assert (entry["outcome"], entry["status"]) == ("refused", 500)
    assert "unterminated subpattern" in entry["error"]


def test_refusal_is_no_text() -> None:
    with playing([{"refusal": "I will not."}]) as server:
        message = ask(server).choices[0].message
    assert (message.content, message.refusal) == (None, "I will not.")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
def test_error_has_its_status_and_says_why(status: int, expected: type[openai.APIStatusError]) -> None:
    with playing([{"status": status, "message": "too much", "retry_after_s": 3}]) as server:
        with pytest.raises(expected, match="too much") as caught:
            ask(server)
        assert outcomes(server) == ["refused"]
    assert caught.value.response.headers["retry-after"] == "3"


def test_wrong_key_is_refused_and_never_repeated() -> None:
    with playing({"key": "right", "turns": [{"text": "hello"}]}) as server:
        with pytest.raises(openai.AuthenticationError) as caught:
            ask(server, "wrong-key")
        assert "wrong-key" not in str(caught.value) + json.dumps(server.journal.entries())
        assert ask(server, "right").choices[0].message.content == "hello"
        assert [each["authorized"] for each in server.journal.entries()] == [False, True]


def test_stream_that_breaks_is_whole_when_the_conversation_comes_again() -> None:
    with playing([[{"text": "a b c d", "break_after": 3, "times": 1}, {"text": "a b c d"}]]) as server:
        with pytest.raises(openai.APIError):
            streamed(server)
        pieces = streamed(server)
        assert outcomes(server) == ["broken", "whole"]
    assert "".join(each.choices[0].delta.content or "" for each in pieces if each.choices) == "a b c d"


def test_answer_that_does_not_stream_breaks_in_its_middle() -> None:
    with playing([{"text": "a b c d", "break_after": 0}]) as server:
        with pytest.raises(openai.APIConnectionError):
            ask(server)
        assert outcomes(server) == ["broken"]


def test_same_conversation_gets_the_same_bytes() -> None:
    with playing([{"tool_calls": [CALL]}]) as server:
        assert ask(server).to_json() == ask(server).to_json()
        assert len({each["digest"] for each in server.journal.entries()}) == 1


def test_shape_of_openrouter_says_prices_and_cost() -> None:
    script = {
        "shape": "openrouter",
        "models": [{"id": "demo", "input_price": 2, "output_price": 10}],
        "turns": [{"text": "hello", "usage": {"input": 1000, "output": 100}}],
    }
    with playing(script) as server:
        assert ask(server).usage.cost == 0.003
        assert next(each.usage.cost for each in streamed(server) if each.usage) == 0.003
        [model] = requests.get(f"{server.url}/models", timeout=10).json()["data"]
    assert model["pricing"] == {"prompt": "0.000002", "completion": "0.00001"}


def test_shape_of_ollama_sends_a_call_in_one_piece() -> None:
    with playing({"shape": "ollama", "turns": [{"tool_calls": [CALL]}]}) as server:
        pieces = streamed(server)
    assert [len(each.choices[0].delta.tool_calls or []) for each in pieces if each.choices] == [0, 1, 0]


@pytest.mark.parametrize("is_streamed", [False, True])
def test_the_library_of_our_agents_understands_it(is_streamed: bool) -> None:
    # In a thread of its own: where a browser's tests ran before, an event loop runs in this one.
    with ThreadPoolExecutor(1) as apart:
        answer = apart.submit(asyncio.run, _asked_by_the_library(is_streamed=is_streamed)).result()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pydantic_ai.messages import TextPart, ToolCallPart
    text, call = answer.parts
    assert isinstance(text, TextPart)
    assert text.content == "I write."
    assert isinstance(call, ToolCallPart)
    assert (call.tool_name, call.args_as_dict()) == ("files_write", CALL["arguments"])
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (100, 7)


def test_process_that_was_killed_goes_on_counting_where_it_was(tmp_path: Path) -> None:
    script = [[{"status": 503, "times": 1}, {"text": "there"}]]
    body = {"model": "demo", "messages": SAID}
    with demo_process(script, tmp_path) as demo:
        assert requests.post(f"{demo.url}/chat/completions", json=body, timeout=10).status_code == 503
        demo.kill()
        demo.start()
        assert requests.post(f"{demo.url}/chat/completions", json=body, timeout=10).status_code == 200
        assert [(each["answer"], each["status"]) for each in demo.log()] == [("turns[0]", 503), ("turns[0][1]", 200)]
        told = requests.get(f"http://127.0.0.1:{demo.port}/log/2", timeout=10).json()
    assert told["messages"] == SAID


async def _asked_by_the_library(*, is_streamed: bool) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pydantic_ai.direct import model_request, model_request_stream
        from pydantic_ai.messages import ModelRequest
        from pydantic_ai.models import ModelRequestParameters
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider
        from pydantic_ai.tools import ToolDefinition

    tool = ToolDefinition(name="files_write", parameters_json_schema={"type": "object", "properties": {}})
    wanted = ModelRequestParameters(function_tools=[tool])
    said = [ModelRequest.user_text_prompt("Write a file.")]
    with playing([{"text": "I write.", "tool_calls": [CALL], "usage": {"input": 100, "output": 7}}]) as server:
        async with httpx2.AsyncClient() as http:
            asked = openai.AsyncOpenAI(base_url=server.url, api_key="none", http_client=http, max_retries=0)
            model = OpenAIChatModel("demo", provider=OpenAIProvider(openai_client=asked))
            if not is_streamed:
                return await model_request(model, said, model_request_parameters=wanted)
            async with model_request_stream(model, said, model_request_parameters=wanted) as stream:
                async for _ in stream:
                    pass
                return stream.get()
