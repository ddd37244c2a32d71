"""Providers of models: what is kept of them, what their servers say, and that no credential gets out."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

import settings
from models import scope
from models.database import db, reading
from models.errors import InvalidInput, Misconfigured, NotFound, ToolFailed
from models.event import Event
from tasks.providers import choice as model_choice
from tasks.providers import models as provider_models
from tasks.providers import records as providers
from tasks.providers.choice import Candidate, candidates
from tasks.providers.models import ModelWanted
from tasks.providers.records import Wanted

# What differs between the databases is asked in test_budgets.py and test_spend.py.
pytestmark = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True
)
KEY = "sk-or-v1-0123456789abcdef-very-secret"
OPENROUTER = {
    "/key": {"data": {"label": "mine"}},
    "/models": {
        "data": [
            {
                "id": "maker/large",
                "context_length": 200_000,
                "pricing": {"prompt": "0.00000125", "completion": "0.00001", "request": "0"},
                "top_provider": {"max_completion_tokens": 2048},
            },
            {"id": "maker/free", "pricing": {"prompt": "0", "completion": "0"}},
            {"id": "maker/router", "pricing": {"prompt": "-1", "completion": "-1"}},
            {"id": "maker/by-request", "pricing": {"prompt": "0.000001", "completion": "0.000001", "request": "0.01"}},
        ]
    },
}


class Server:
    """Answers as told, and remembers who asked for what."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {"/models": {"data": [{"id": "small"}, {"id": "large"}]}}
        self.wants: str | None = None
        self.redirects_to: str | None = None
        self.asked: list[tuple[str, str | None]] = []
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.removeprefix("/v1")
                told.asked.append((path, self.headers["Authorization"]))
                status, body = told.answer(path, self.headers["Authorization"])
                self.send_response(status)
                if told.redirects_to:
                    self.send_header("Location", told.redirects_to)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, path: str, authorization: str | None) -> tuple[int, bytes]:
        if self.redirects_to:
            return 302, b""
        if self.wants and authorization != f"Bearer {self.wants}" and path != "/models":
            return 401, b"no"
        found = self.answers.get(path)
        return (404, b"") if found is None else (200, json.dumps(found).encode())

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.stop()


def the_one(name: str) -> Candidate:
    """The model of that name, ready to be asked."""
    return model_choice.opened(candidates([name], None, 1)[0])


def told(name: str) -> list[str]:
    with reading() as session:
        found = select(Event.kind).where(Event.subject_id == providers.find(name).id).order_by(Event.number)
        return list(session.scalars(found))


def problems_of(wanted: Wanted) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        providers.create(wanted)
    return [each["path"] for each in refused.value.problems]


def test_credential_is_encrypted_in_the_database_and_masked_elsewhere(app: Flask) -> None:
    made = providers.create(Wanted("router", "openrouter", credential=f" {KEY}\n"))
    assert made.base_url == "https://openrouter.ai/api/v1"
    assert providers.masked(made) == "••••cret"
    with db.engine.connect() as connection:
        kept = connection.execute(text("SELECT credential FROM provider")).scalar_one()
    assert KEY not in kept and KEY not in repr(made) and KEY not in repr(Wanted("a", credential=KEY))


def test_every_wrong_field_is_named(app: Flask) -> None:
    wrong = Wanted("No Slug", "teapot", "ftp://example.org", "two words")
    assert problems_of(wrong) == ["name", "kind", "base_url", "credential"]
    for url in ("", "http://", "http://me:it@example.org/v1", "https://example.org/v1?key=1", "http://[", "http://a:b"):
        assert problems_of(Wanted("there", base_url=url)) == ["base_url"], url
    providers.create(Wanted("there", base_url="http://127.0.0.1:1/v1/"))
    assert problems_of(Wanted("there", base_url="http://127.0.0.1:1")) == ["name"]


def test_test_says_what_it_found_and_is_kept(app: Flask, server: Server) -> None:
    providers.create(Wanted("here", base_url=server.url, credential=KEY))
    found = providers.test("here")
    assert (found.is_reachable, found.is_accepted, found.models, found.error) == (True, True, 2, None)
    assert server.asked == [("/models", f"Bearer {KEY}")]
    assert providers.find("here").tested_at is not None and providers.find("here").test_error is None
    server.answers = {}
    assert "404; is the address right" in (providers.test("here").error or "")
    server.stop()
    gone = providers.test("here")
    assert not gone.is_reachable and "no connection" in (providers.find("here").test_error or "")
    assert told("here") == ["provider.added", *["provider.tested"] * 3]


def test_openrouters_list_is_for_everybody_so_its_key_is_tested_too(app: Flask, server: Server) -> None:
    server.answers, server.wants = OPENROUTER, KEY
    providers.create(Wanted("router", "openrouter", server.url, "sk-wrong-0123456789"))
    found = providers.test("router")
    assert (found.is_reachable, found.is_accepted) == (True, False) and "refused the credential" in (found.error or "")
    providers.change("router", credential=KEY)
    assert providers.test("router").is_accepted


def test_credential_follows_no_redirect_and_no_new_address(app: Flask, server: Server) -> None:
    other = Server()
    providers.create(Wanted("here", base_url=server.url, credential=KEY))
    server.redirects_to = f"{other.url}/models"
    assert "302" in (providers.test("here").error or "")
    with pytest.raises(InvalidInput) as refused:
        providers.change("here", base_url=other.url)
    assert [each["path"] for each in refused.value.problems] == ["credential"]
    assert other.asked == []
    providers.change("here", base_url=other.url, credential="")
    assert providers.test("here").is_accepted is None
    assert other.asked == [("/models", None)]
    other.stop()


def test_prices_of_openrouters_list_are_taken_over_and_unknown_ones_stay_unknown(app: Flask, server: Server) -> None:
    server.answers = OPENROUTER
    providers.create(Wanted("router", "openrouter", server.url, KEY))
    names = ["maker/large", "maker/free", "maker/router", "maker/by-request"]
    made = provider_models.take_over("router", names)
    assert [(each.input_price, each.output_price) for each in made] == [
        (1_250_000, 10_000_000),
        (0, 0),
        (None, None),
        (None, None),
    ]
    assert (made[0].context_tokens, made[0].output_tokens, made[1].output_tokens) == (200_000, 2048, 4096)
    provider_models.change("router", "maker/router", {"input_price": "2", "output_price": "$3"})
    again = provider_models.take_over("router", names)
    assert (again[2].input_price, again[2].output_price) == (2_000_000, 3_000_000)
    with pytest.raises(InvalidInput, match="cannot add models"):
        provider_models.take_over("router", ["maker/none"])


def test_models_of_ollama_cost_nothing_and_of_others_nobody_knows(app: Flask, server: Server) -> None:
    providers.create(Wanted("local", "ollama", server.url))
    providers.create(Wanted("other", "openai", server.url))
    for name, price in (("local", 0), ("other", None)):
        assert provider_models.take_over(name, ["small"])[0].input_price == price
        assert provider_models.add(name, ModelWanted("mine")).output_price == price
    assert provider_models.add("local", ModelWanted("dear", "0.5", 1)).input_price == 500_000


def test_models_wrong_fields_are_named(app: Flask) -> None:
    providers.create(Wanted("here", base_url="http://127.0.0.1:1/v1"))
    with pytest.raises(InvalidInput) as refused:
        provider_models.add("here", ModelWanted("", "dear", -1, output_tokens=0, complexity_min=11))
    assert [each["path"] for each in refused.value.problems] == [
        "input_price",
        "output_price",
        "output_tokens",
        "complexity_min",
        "name",
    ]
    provider_models.add("here", ModelWanted("small"))
    with pytest.raises(InvalidInput, match="cannot change") as refused:
        provider_models.change("here", "small", {"complexity_min": 7, "complexity_max": 3})
    assert [each["path"] for each in refused.value.problems] == ["complexity_max"]
    with pytest.raises(NotFound):
        provider_models.change("here", "other", {"position": 1})


def test_candidates_are_the_tasks_models_else_the_agents_else_those_of_the_complexity(app: Flask) -> None:
    assert not model_choice.is_any()
    with pytest.raises(Misconfigured, match="provider add"):
        candidates([], None, 5)
    providers.create(Wanted("here", base_url="http://127.0.0.1:1/v1", credential=KEY))
    provider_models.add("here", ModelWanted("maker/easy", complexity_max=5))
    provider_models.add("here", ModelWanted("hard", complexity_min=5))
    provider_models.add("here", ModelWanted("first", complexity_min=5, position=0))
    named = lambda *given: [each.name for each in candidates(*given)]  # noqa: E731
    assert named([], None, 5) == ["here/first", "here/maker/easy", "here/hard"]
    assert named([], None, 2) == ["here/maker/easy"]
    assert named([], "here/hard", 2) == ["here/hard"]
    assert named(["here/hard", "here/gone", "here/maker/easy"], "here/first", 2) == ["here/hard", "here/maker/easy"]
    provider_models.disable("here", "hard")
    with pytest.raises(Misconfigured, match="names here/hard, which may not be used"):
        candidates([], "here/hard", 2)
    assert [each["path"] for each in model_choice.problems(["here/first", "here/hard"])] == ["models[1]"]
    found = the_one("here/first")
    assert found.credential == KEY and KEY not in repr(found) and KEY not in str(found)
    providers.disable("here")
    assert not providers.is_any()


def test_every_change_is_told_and_nothing_told_holds_the_credential(app: Flask, server: Server) -> None:
    providers.create(Wanted("here", base_url=server.url, credential=KEY))
    provider_models.add("here", ModelWanted("small"))
    provider_models.disable("here", "small")
    provider_models.disable("here", "small")
    provider_models.enable("here", "small")
    provider_models.remove("here", "small")
    providers.disable("here")
    providers.enable("here")
    providers.test("here")
    providers.encrypt_again()
    changes = [f"provider.model_{verb}" for verb in ("added", "disabled", "enabled", "removed")]
    last = ["provider.disabled", "provider.enabled", "provider.tested", "provider.encrypted_again"]
    assert told("here") == ["provider.added", *changes, *last]
    providers.remove("here")
    with reading() as session:
        assert KEY not in json.dumps([each.data for each in session.scalars(select(Event))])
    with pytest.raises(NotFound):
        providers.find("here")


def test_keys_are_changed_by_naming_the_new_one_first(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    providers.create(Wanted("here", base_url="http://127.0.0.1:1/v1", credential=KEY))
    provider_models.add("here", ModelWanted("small"))
    kept = settings.load().data_dir / "secrets" / "encryption"
    assert kept.stat().st_mode & 0o077 == 0
    use_keys(monkeypatch, "n" * 32)
    assert the_one("here/small").credential == KEY
    assert providers.encrypt_again() == 1
    old = kept.read_text()
    kept.unlink()
    assert the_one("here/small").credential == KEY
    use_keys(monkeypatch, old)
    with pytest.raises(Misconfigured, match="OPSCORE_ENCRYPTION_KEYS") as refused:
        the_one("here/small")
    assert "the provider here" in str(refused.value) and KEY not in str(refused.value)
    assert providers.masked(providers.find("here")) == providers.UNREADABLE
    use_keys(monkeypatch, f"{old},{'n' * 32}")
    assert the_one("here/small").credential == KEY
    settings.load.cache_clear()


def use_keys(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    monkeypatch.setenv("OPSCORE_ENCRYPTION_KEYS", keys)
    settings.load.cache_clear()


def test_answer_that_is_no_list_is_an_error_and_never_an_empty_list(app: Flask, server: Server) -> None:
    providers.create(Wanted("here", base_url=server.url))
    for answer in ({"models": []}, [], "hello"):
        server.answers = {"/models": answer}
        with pytest.raises(ToolFailed, match="no list of models"):
            providers.offered("here")


def test_other_tenants_see_nothing_of_it(app: Flask) -> None:
    providers.create(Wanted("here", base_url="http://127.0.0.1:1/v1"))
    provider_models.add("here", ModelWanted("small"))
    with scope.acting("person:bob", "other"):
        assert not providers.listed() and not providers.is_any()
