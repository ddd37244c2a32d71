"""Providers, budgets and spend as programs ask for them: API, Python client, command line.  No key gets out."""

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from models import errors, scope
from models.database import db, reading, writing
from models.sign_in import new_link
from models.tables import TABLES
from models.task import Task
from opscore_sdk import Conflict, InvalidRequest, NotFound, OpsCoreClient
from settings import PROJECT
from tasks.plans.model_plan import BudgetFields
from tasks.spending.budgets import Usage, reserve, settle_alone
from tests.acceptance.test_documents import commands
from tests.support.factories import make_agent, make_step
from tests.support.model_server import playing
from tests.support.thinking import model, running
from tests.support.web import Api, LiveWeb, live_web
from tests.support.workplace import Workplace
from webapp import create_app
from worker.command_line import demo
from worker.command_line.program import program
from worker.demo.script import parse
from worker.demo.server import ModelServer

KEY = "sk-test-0123456789abcdef"
SCRIPT: dict[str, Any] = {
    "shape": "openrouter",
    "key": KEY,
    "models": [
        {"id": "large", "input_price": 3, "output_price": 15},
        {"id": "small", "input_price": 0.2, "output_price": 0.8},
    ],
    "turns": [{"text": "Done."}],
}


@pytest.fixture(scope="module")
def database_kind() -> str:
    """What differs between the two is asked in test_spend.py."""
    return "sqlite"


@pytest.fixture(scope="module")
def web(workplace: Workplace) -> Iterator[Flask]:
    """The web application, with an agent; each test takes its providers away again."""
    app = create_app(workplace.told)
    with working(app), writing() as session:
        make_agent(session, "scout")
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    """A server of models with prices, that wants a key."""
    with playing(SCRIPT) as found:
        yield found


@pytest.fixture(scope="module")
def live(web: Flask, workplace: Workplace) -> Iterator[LiveWeb]:
    """The web application as gunicorn runs it."""
    with live_web(workplace.told, workplace.logs / "web.log") as found:
        yield found


@contextmanager
def working(app: Flask) -> Iterator[None]:
    with app.app_context(), scope.acting("person:alice"):
        yield


def test_api_takes_a_key_in_and_never_gives_it_out(web: Flask, workplace: Workplace, server: ModelServer) -> None:
    api = Api(web.test_client(), workplace.told.token)
    wanted = {"name": "here", "kind": "openrouter", "base_url": server.url, "credential": KEY}
    made = api.ask("POST", "/v1/providers", json=wanted)
    assert (made.status_code, made.json["credential"]) == (201, "••••cdef")
    wrong = api.ask("POST", "/v1/providers", json={"name": "X Y", "kind": "teapot", "credential": f"{KEY} \n{KEY}"})
    assert [each["path"] for each in wrong.json["problems"]] == ["name", "kind", "base_url", "credential"]
    tested = api.ask("POST", "/v1/providers/here/test", json={})
    listed = api.ask("GET", "/v1/providers/here/offered")
    taken = api.ask("POST", "/v1/providers/here/models/take-over", json={"models": ["large"]})
    price = {"input_price": 3.0, "output_price": 15.0}
    assert {name: taken.json["models"][0][name] for name in price} == price
    assert len(listed.json["models"]) == 2
    changed = api.ask("PATCH", f"/v1/models/{taken.json['models'][0]['id']}", json={"input_price": None, "position": 3})
    assert (changed.json["input_price"], changed.json["output_price"], changed.json["position"]) == (None, 15.0, 3)
    model_id = taken.json["models"][0]["id"]
    refused = api.ask("PATCH", f"/v1/models/{model_id}", json={"complexity_min": None, "position": None})
    assert [each["path"] for each in refused.json["problems"]] == ["complexity_min", "position"]
    refused = api.ask("PATCH", "/v1/providers/here", json={"is_disabled": None})
    assert [each["path"] for each in refused.json["problems"]] == ["is_disabled"]
    added = api.ask("POST", "/v1/providers/here/models", json={"name": "own", "position": 0})
    assert api.ask("GET", added.headers["Location"]).json == added.json
    assert [each["name"] for each in api.ask("GET", "/v1/models").json["models"]] == ["own", "large"]
    gone = api.ask("PATCH", "/v1/providers/here", json={"base_url": "http://127.0.0.1:9/v1"})
    assert gone.status_code == 422 and "give it again" in gone.text
    answers = [made, wrong, tested, listed, taken, changed, gone, api.ask("GET", "/v1/providers")]
    assert not [each.text for each in answers if KEY in each.text]
    assert api.ask("DELETE", "/v1/providers/here").status_code == 200


def test_client_keeps_providers_and_budgets(web: Flask, live: LiveWeb, server: ModelServer) -> None:
    with OpsCoreClient(live.url, live.token) as client:
        client.providers.add("here", "openrouter", server.url, "sk-another-0123456789")
        assert "refused the credential" in (client.providers.test("here").error or "")
        client.providers.change("here", credential=KEY)
        found = client.providers.test("here")
        assert (found.is_reachable, found.is_accepted, found.error) == (True, True, None)
        assert [each.name for each in client.providers.offered("here")] == ["large", "small"]
        taken = client.providers.take_over("here", ["small"])[0]
        own = client.providers.add_model("here", "own", input_price=0, output_price="0.5", complexity_max=4)
        assert (taken.input_price, own.input_price, own.output_price) == (0.2, 0, 0.5)
        assert client.providers.change_model(own.id, is_disabled=True).is_disabled
        client.providers.disable("here")
        assert client.providers.enable("here").models[1].is_disabled
        client.providers.remove_model(own.id)
        assert client.providers.encrypt_again() == 1
        assert [each.full_name for each in client.providers.named("here").models] == ["here/small"]
        with pytest.raises(InvalidRequest, match="offers no"):
            client.providers.take_over("here", ["none"])
        client.providers.remove("here")
        with pytest.raises(NotFound):
            client.providers.named("here")
        assert client.providers.all() == []

        with working(web):
            claim = running(BudgetFields(cost=1))
            settle_alone(reserve(claim, "m1", model(), 50), Usage(40, 10))
        stands = client.budgets.set_task(claim.task_id, tokens=1000, wall_s="1 min")
        assert (stands.tokens.left, stands.cost.left, stands.wall_s.limit, stands.calls.limit) == (
            950,
            0.99994,
            60,
            None,
        )
        assert client.budgets.task(claim.task_id).raw["tokens"]["used"] == 50
        assert client.budgets.set_agent("scout", calls=300).calls.limit == 300
        assert client.budgets.agent("scout").day == client.budgets.set_day(cost=None).day == client.budgets.day().day
        _of_a_model(claim.task_id, cost=60)
        assert client.family(claim.task_id).progress.cost == 0.00006
        assert [each.usage["cost"] for each in client.steps(claim.task_id) if each.usage] == [0.00006]
        report = client.budgets.spend("task", task=claim.task_id)
        assert [each.name for each in report.rows] == [claim.task_id] and report.total.cost == 0.00006
        with working(web):
            settle_alone(reserve(running(), "m1", model(), 50), Usage(40, 10))
        first = client.budgets.spend("task", limit=1)
        assert (len(first.rows), first.is_complete, first.total.calls) == (1, False, 2)
        with pytest.raises(InvalidRequest, match="tokens"):
            client.budgets.set_day(tokens="many")


def test_demo_model_leaves_alone_what_somebody_else_called_demo(web: Flask, live: LiveWeb, server: ModelServer) -> None:
    script, other = parse([{"text": "Done."}]), "http://models.example.org/v1"
    with OpsCoreClient(live.url, live.token) as client:
        client.providers.add("demo", "openai", other, KEY)
        with pytest.raises(errors.Conflict, match="there is another"):
            demo._add(client, script, server.url)
        found = client.providers.named("demo")
        assert (found.base_url, found.credential, found.models) == (other, "••••cdef", [])
        client.providers.remove("demo")
        demo._add(client, script, "http://127.0.0.1:9/v1")
        demo._add(client, script, server.url)
        assert client.providers.named("demo").base_url == server.url
        client.providers.remove("demo")


def _of_a_model(task_id: str, **usage: Any) -> None:
    with scope.acting("person:alice"), writing() as session:
        task = session.scalars(select(Task).where(Task.id == task_id)).one()
        make_step(session, task, 1, key="m9", tool="model.call", usage=usage)


def test_command_line_keeps_providers_and_budgets(
    live: LiveWeb, server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPSCORE_URL", live.url)
    said: list[str] = []

    def run(*arguments: str, code: int = 0, typed: str | None = None) -> Result:
        done = CliRunner().invoke(program, arguments, input=typed)
        said.append(done.output)
        assert done.exit_code == code, done.output
        return done

    assert "No provider yet" in run("provider", "list").output
    add = ("provider", "add", "here", "--kind", "openrouter", "--address", server.url, "--credential-file", "-")
    assert "provider models here" in run(*add, typed=f"{KEY}\n").output
    assert "takes its credential and lists 2 models" in run("provider", "test", "here").output
    assert "$0.20" in run("provider", "models", "here", "small").output
    assert "complexity 1-5, input $3.00" in run("model", "add", "here/large", "--complexity", "1-5").output
    assert "input unknown" in run("model", "add", "here/own", "--unlisted", "--output-tokens", "500").output
    assert "input free" in run("model", "set", "here/own", "--input-price", "0", "--output-price", "0").output
    assert "not asked" in run("model", "disable", "here/own").output
    run("model", "enable", "here/own")
    listed = json.loads(run("provider", "list", "--json").output)["providers"][0]
    assert [each["full_name"] for each in listed["models"]] == ["here/large", "here/own"]
    assert listed["credential"] == "••••cdef"
    assert "here/large" in run("provider", "list").output
    run("model", "remove", "here/own", "--yes")
    assert "no model here/own" in run("model", "set", "here/own", "--position", "1", code=4).output
    bad = tmp_path / "key"
    bad.write_text("sk-wrong-key-0123456789", encoding="utf-8")
    assert "••••6789" in run("provider", "change", "here", "--credential-file", str(bad)).output
    assert "refused the credential" in run("provider", "test", "here", code=1).output
    assert "say --yes" in run("provider", "disable", "here", code=2).output
    assert "switched off" in run("provider", "disable", "here", "--yes").output
    run("provider", "enable", "here")
    assert "1" in run("provider", "encrypt-again").output
    run("provider", "remove", "here", "--yes")

    assert "$2.50" in run("budget", "set", "--day", "--cost", "2.50", "--calls", "7").output
    assert "–" in run("budget", "set", "--day", "--cost", "none").output
    assert json.loads(run("budget", "show", "--json").output)["calls"]["limit"] == 7
    assert "20 min" in run("budget", "set", "--agent", "scout", "--wall", "20 min").output
    assert "say whose" in run("budget", "set", "--cost", "1", code=2).output
    assert "say one of" in run("budget", "show", "--day", "--agent", "scout", code=2).output
    run("budget", "show", "--agent", "nobody", code=4)
    assert "Nothing was spent" in run("spend", "--by", "model", "--agent", "nobody").output
    assert not [each for each in said if KEY in each]


def test_each_command_of_the_page_does_what_it_says(
    web: Flask, live: LiveWeb, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key.txt").write_text(KEY, encoding="utf-8")
    monkeypatch.setenv("OPSCORE_URL", live.url)
    monkeypatch.chdir(tmp_path)
    listed = [{"id": name, "input_price": 1, "output_price": 2} for name in ("gpt-oss:20b", "maker/large", "mixtral")]
    with playing({**SCRIPT, "models": listed, "key": None}) as any_server:
        done = 0
        for command in commands(PROJECT / "docs" / "how-to" / "models.md"):
            arguments = shlex.split(command)[1:]
            if arguments[:2] == ["provider", "add"]:
                arguments += ["--address", any_server.url]
            said = CliRunner().invoke(program, arguments)
            assert said.exit_code == 0, f"{command}: {said.output}"
            done += 1
    assert done > 20
    with OpsCoreClient(live.url, live.token) as client:
        client.budgets.set_day(cost=None)
        for left in client.providers.all():
            client.providers.remove(left.name)


def test_spend_is_shown_with_its_total(web: Flask, live: LiveWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCORE_URL", live.url)
    with working(web):
        claim = running(BudgetFields(tokens=10_000))
        settle_alone(reserve(claim, "m1", model(), 50), Usage(40, 10))
        settle_alone(reserve(claim, "m2", model("odd", input_price=None), 50), None)
    shown = CliRunner().invoke(program, ["spend", "--by", "model", "--task", claim.task_id]).output
    assert "here/small" in shown and "1 of unknown price, 1 never answered" in shown
    assert [line.split()[1:4] for line in shown.splitlines() if line.startswith("total")] == [["2", "200", "$0.00006"]]


def signed_in(web: Flask) -> FlaskClient:
    """A browser that is signed in."""
    with working(web), writing() as session:
        secret = new_link(session)
    client = web.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(f"/sign-in/{secret}").text)
    assert token is not None
    client.post(f"/sign-in/{secret}", data={"csrf_token": token[1]})
    return client


def test_key_is_in_no_log_event_row_or_file(
    web: Flask, live: LiveWeb, server: ModelServer, workplace: Workplace
) -> None:
    with OpsCoreClient(live.url, live.token) as client:
        client.providers.add("here", "openrouter", server.url, KEY)
        client.providers.test("here")
        client.providers.take_over("here", ["small"])
        for body in ({"credential": f"{KEY} {KEY}"}, {"credential": [KEY]}, {"credentials": KEY}):
            with pytest.raises((InvalidRequest, Conflict)) as refused:
                client.providers._connection.json("PATCH", "/v1/providers/here", json=body)
            assert KEY not in str(refused.value) and KEY not in str(vars(refused.value))
    person = signed_in(web)
    for page in (
        "/models",
        "/models/of/here",
        "/models/of/here/offers",
        "/models/add/openai",
        "/spend",
        "/playground/model",
    ):
        shown = person.get(page)
        assert shown.status_code == 200 and KEY not in shown.text, page
    with working(web), reading() as session:
        rows = [session.execute(select(table)).scalars().all() for table in TABLES]
        told = [str(vars(row)) for found in rows for row in found]
        assert len(told) > 5 and not [row for row in told if KEY in row]
    holders = [path for path in (*workplace.logs.rglob("*"), *workplace.told.data_dir.rglob("*")) if path.is_file()]
    assert len(holders) > 3 and not [path for path in holders if KEY.encode() in path.read_bytes()]
