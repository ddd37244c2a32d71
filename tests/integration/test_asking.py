"""One request to a model: what goes out, what comes back, and what is no answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic_ai.messages import ModelMessage, ModelRequest

import settings
from models.provider import ProviderKind
from tasks.minds import asking
from tasks.minds.asking import Answer
from tasks.minds.failures import CutOff, NoAnswer
from tasks.providers.choice import Candidate
from tests.support.model_server import playing
from tests.support.started import free_port, wait_until
from worker.demo.script import parse
from worker.demo.server import ModelServer

HELLO: list[ModelMessage] = [ModelRequest.user_text_prompt("Hello?")]
STORY = {"text": "Once upon a time " * 5000, "piece_delay_s": 0.01}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with playing([{"text": "Good morning."}]) as server:
        yield server


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPSCORE_DATA_DIR", str(tmp_path / "var"))
    settings.load.cache_clear()


def ask(url: str, said: list[str] | None = None, credential: str | None = None, within_s: float = 60) -> Answer:
    """Ask; what comes is added to `said`, and the call is to end once there is anything in a list that was given."""
    prices = {"input_price": None, "output_price": None, "output_tokens": 77, "context_tokens": None}
    candidate = Candidate("local", ProviderKind.OPENAI, url, "small", credential, **prices)
    came: list[str] = [] if said is None else said
    return asking.ask(candidate, HELLO, [], within_s, came.append, lambda: said is not None and bool(said))


def why_not(url: str, **how: float) -> NoAnswer:
    with pytest.raises(NoAnswer) as none:
        ask(url, **how)  # type: ignore[arg-type]
    return none.value


def test_answer_comes_whole_with_what_it_used(server: ModelServer) -> None:
    answer = ask(server.url)
    assert (answer.text, answer.finish_reason, answer.calls) == ("Good morning.", "stop", [])
    assert answer.input_tokens > 0 and answer.output_tokens > 0
    assert answer.message["parts"][0]["content"] == "Good morning."


def test_neither_proxies_nor_keys_of_the_environment_are_used(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-environment")
    server.script = parse({"key": "of-the-provider", "turns": [{"text": "Good morning."}]})
    assert ask(server.url, credential="of-the-provider").text == "Good morning."
    assert "401" in why_not(server.url).reason


def test_call_that_is_cut_off_closes_its_connection(server: ModelServer) -> None:
    server.script = parse([STORY])
    said: list[str] = []
    with pytest.raises(CutOff):
        ask(server.url, said)
    assert said
    wait_until(lambda: server.journal.entries()[0]["outcome"] == "gone", "the connection is closed")


def test_what_is_not_whole_in_time_or_breaks_off_is_no_answer(server: ModelServer) -> None:
    server.script = parse([STORY])
    late = why_not(server.url, within_s=0.5)
    assert (late.is_transient, late.is_free) == (True, False)
    server.script = parse([{"text": "I begin to say", "break_after": 2}])
    broken = why_not(server.url)
    assert (broken.is_transient, broken.is_free) == (True, False)


def test_answer_that_is_too_large_is_none_however_it_comes(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "LARGEST_ANSWER", 250)
    words, text = "word " * 50, "x" * 300
    large = {"name": "files.write", "arguments": {"path": "a", "text": text}}
    for answer in ({"text": words}, {"text": text}, {"tool_calls": [large]}):
        server.script = parse([answer])
        assert why_not(server.url).reason == "answered without end"
    server.script = parse([{"text": "Good morning."}])
    assert ask(server.url).text == "Good morning."


def test_what_the_server_refuses_is_free_and_tried_later_where_that_may_help(server: ModelServer) -> None:
    server.script = parse([[{"status": 429, "retry_after_s": 7, "times": 1}, {"status": 400, "message": "no"}]])
    busy, wrong = why_not(server.url), why_not(server.url)
    assert (busy.is_transient, busy.is_free, busy.retry_after_s) == (True, True, 7)
    assert (wrong.reason, wrong.is_transient, wrong.is_free) == ("answered 400: no", False, True)


def test_error_behind_which_an_answer_may_have_been_made_is_not_free(server: ModelServer) -> None:
    free = {}
    for status in (429, 500, 502, 503, 504):
        server.script = parse([{"status": status, "message": "no"}])
        free[status] = why_not(server.url).is_free
    assert free == {429: True, 500: False, 502: False, 503: True, 504: False}


def test_key_that_a_server_says_in_its_refusal_is_hidden(server: ModelServer) -> None:
    key = "sk-0123456789abcdef"
    server.script = parse([{"status": 400, "message": f"the key {key} is not known"}])
    with pytest.raises(NoAnswer) as none:
        ask(server.url, credential=key)
    assert none.value.reason == "answered 400: the key •••• is not known"


def test_server_that_is_not_there_was_never_reached() -> None:
    gone = why_not(f"http://127.0.0.1:{free_port()}/v1")
    assert (gone.is_transient, gone.is_free) == (True, True)
