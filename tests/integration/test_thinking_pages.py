"""The pages about models, and the form that asks an agent, without a script: what they say, refuse and keep."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from werkzeug.test import TestResponse

from models import scope
from models.database import db, reading, writing
from models.provider import LanguageModel, Provider, ProviderKind
from models.sign_in import new_link
from models.states import State
from models.step import Step
from models.task import Task
from settings import Settings
from tests.support import conversations, factories
from tests.support.model_server import demo_model
from webapp import create_app
from worker.demo.server import ModelServer

__all__ = ["demo_model"]

MODELS = {"models": [{"id": "demo", "input_price": 0.5, "output_price": 1.5}, {"id": "demo-large"}], "turns": []}


@pytest.fixture
def client(database: Settings) -> Iterator[FlaskClient]:
    """A browser that is signed in."""
    app = create_app(database)
    with filling(app) as session:
        secret = new_link(session)
    client = app.test_client()
    sends(client, f"/sign-in/{secret}", f"/sign-in/{secret}")
    yield client
    with app.app_context():
        db.engine.dispose()


@contextmanager
def filling(app: Flask) -> Iterator[Session]:
    with app.app_context(), scope.acting("person:local"), writing() as session:
        yield session


def sends(client: FlaskClient, path: str, seen: str = "/stop", **form: object) -> TestResponse:
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(seen).text)
    assert token is not None
    return client.post(path, data={"csrf_token": token[1], **form})


def models_of(client: FlaskClient) -> list[LanguageModel]:
    """In the order in which they are asked."""
    with client.application.app_context(), scope.acting("person:local"), reading() as session:
        return list(session.scalars(select(LanguageModel).order_by(LanguageModel.position, LanguageModel.name)))


def provider_with(client: FlaskClient, *names: str) -> None:
    with filling(client.application) as session:
        provider = Provider(name="local", kind=ProviderKind.OPENAI, base_url="http://127.0.0.1:9/v1")
        provider.models.extend(
            LanguageModel(name=name, position=at, input_price=0, output_price=0) for at, name in enumerate(names)
        )
        session.add(provider)


def test_without_a_provider_the_page_says_what_to_do_next(client: FlaskClient) -> None:
    shown = client.get("/models").text
    assert "Where do your models run?" in shown
    assert "bin/opscore demo model" in shown
    assert "http://127.0.0.1:11434/v1" in shown


def test_a_provider_is_added_tested_and_its_models_chosen_in_three_steps(
    client: FlaskClient, demo_model: ModelServer
) -> None:
    from worker.demo.script import parse

    demo_model.script = parse(MODELS)
    address = f"http://127.0.0.1:{demo_model.port}/v1"
    assert "Another server" in client.get("/models/add/openai").text
    added = sends(client, "/models/add/openai", name="demo", base_url=address, credential="sk-0123456789abcdefghij")
    assert added.location.endswith("/models/of/demo")
    shown = client.get("/models/of/demo").text
    assert "It answers" in shown
    assert "sk-0123456789" not in shown
    assert "••••ghij" in shown
    offered = client.get("/models/of/demo/offers").text
    assert "$0.50 in, $1.50 out" in offered or "price unknown" in offered
    assert "demo-large" in offered
    assert sends(client, "/models/of/demo/models", models=["demo", "demo-large"]).status_code == 303
    listed = client.get("/models").text
    assert "demo-large" in listed
    assert "unknown" in listed


def test_bad_fields_of_a_provider_come_back_with_what_is_wrong(client: FlaskClient) -> None:
    answer = sends(client, "/models/add/openai", name="My Server", base_url="ftp://x")
    assert answer.status_code == 422
    assert "use small letters" in answer.text.lower()
    assert "rite the address of its API" in answer.text
    assert 'value="ftp://x"' in answer.text


def test_a_provider_that_is_not_there_says_so_in_place(client: FlaskClient) -> None:
    provider_with(client)
    answer = client.get("/models/of/local/offers").text
    assert "It could not be asked" in answer
    assert "is it running" in answer


def test_models_that_were_not_added_stay_chosen_and_those_that_were_are_said(
    client: FlaskClient, demo_model: ModelServer
) -> None:
    from worker.demo.script import parse

    demo_model.script = parse(MODELS)
    sends(client, "/models/add/openai", name="demo", base_url=f"http://127.0.0.1:{demo_model.port}/v1")
    wrong = sends(client, "/models/of/demo/models", models=["demo", "gone"], by_name="own")
    assert (wrong.status_code, models_of(client)) == (422, [])
    assert "Nothing was added" in wrong.text
    assert "models=demo&amp;models=gone&amp;by_name=own" in wrong.text
    form = client.get("/models/of/demo/offers?models=demo&by_name=own").text
    assert 'value="demo" checked>' in form
    assert 'name="by_name"' in form and 'value="own"' in form
    half = sends(client, "/models/of/demo/models", models=["demo"], by_name="demo")
    assert half.status_code == 422
    assert "Only demo was added" in half.text
    assert [each.name for each in models_of(client)] == ["demo"]


def test_a_server_that_is_away_when_models_are_chosen_is_said_on_the_page(client: FlaskClient) -> None:
    provider_with(client)
    answer = sends(client, "/models/of/local/models", models=["small"], by_name="own")
    assert answer.status_code == 503
    assert "Nothing was added" in answer.text
    assert "models=small&amp;by_name=own" in answer.text
    assert models_of(client) == []


def test_models_are_moved_changed_and_switched_off(client: FlaskClient) -> None:
    provider_with(client, "first", "second")
    first, second = models_of(client)
    assert sends(client, f"/models/{second.id}/move/up").status_code == 303
    assert [model.name for model in models_of(client)] == ["second", "first"]
    form = {
        "input_price": "0.15",
        "output_price": "",
        "complexity_min": "2",
        "complexity_max": "6",
        "output_tokens": "4 k",
    }
    assert sends(client, f"/models/{first.id}", **form).status_code == 303
    kept = next(model for model in models_of(client) if model.name == "first")
    assert (kept.input_price, kept.output_price, kept.complexity_max, kept.output_tokens) == (150_000, None, 6, 4000)
    wrong = sends(client, f"/models/{first.id}", **{**form, "complexity_max": "many", "input_price": "0.15"})
    assert wrong.status_code == 422
    assert "Write a number" in wrong.text
    sends(client, f"/models/{second.id}/disable")
    shown = client.get("/models").text
    assert "1 model switched off" in shown
    assert "Nobody thinks about complexity 1, 7, 8, 9, 10" in shown


def test_removing_names_what_counts_on_it(client: FlaskClient) -> None:
    with filling(client.application) as session:
        factories.make_agent(session, "scout", model="ollama/llama3.2")
        conversations.some_providers(session)
        title = conversations.make_conversation(session, State.RUNNING).title
    asked = client.get("/models/of/ollama/remove").text
    assert "It is the model of scout" in asked
    assert title in asked
    assert sends(client, "/models/of/ollama/remove").status_code == 303
    assert "llama3.2" not in client.get("/models").text


def test_asking_an_agent_keeps_all_that_was_said(client: FlaskClient) -> None:
    provider_with(client, "small")
    form = {
        "description": "Count the words.\nThen stop.", "complexity": "3", "model": "local/small",
        "tools": ["files.read", "files.write"], "asks": ["files.write", "web.fetch"],
        "promises": "output/words.txt\n", "budget.tokens": "20 k", "budget.cost": "0.5",
    }  # fmt: skip
    answer = sends(client, "/tasks/new/ask", **form)
    assert answer.status_code == 303, answer.text
    with client.application.app_context(), scope.acting("person:local"), reading() as session:
        task = session.scalars(select(Task).options(joinedload(Task.plan))).one()
    plan = task.plan.content
    assert task.title == "Count the words."
    assert (plan["kind"], plan["tools"], plan["approvals"]) == ("model", ["files.read", "files.write"], ["files.write"])
    assert (plan["budget"]["tokens"], plan["budget"]["cost"], plan["models"]) == (20_000, 0.5, ["local/small"])
    assert [promise["path"] for promise in plan["promises"]] == ["output/words.txt"]
    again = client.get(f"/tasks/new/ask?again={task.id}").text
    assert "Then stop." in again
    assert 'value="20 k"' in again
    cloned = sends(client, "/tasks/new/ask", **{**form, "cloned_from": task.id, "budget.cost": "", "promises": ""})
    with client.application.app_context(), scope.acting("person:local"), reading() as session:
        newest = select(Task).options(joinedload(Task.plan)).where(Task.cloned_from_id == task.id)
        second = session.scalars(newest).one()
    assert cloned.status_code == 303
    assert (second.plan.content["budget"]["cost"], second.plan.content["promises"]) == (None, [])


def test_without_a_model_nothing_that_was_typed_is_lost(client: FlaskClient) -> None:
    assert "No model is there yet" in client.get("/tasks/new/ask").text
    answer = sends(
        client, "/tasks/new/ask", description="Count the words.", tools=["files.read"], promises="output/a.md"
    )
    assert answer.status_code == 422
    assert "The task was not started" in answer.text
    assert "Count the words." in answer.text
    assert "output/a.md" in answer.text
    assert re.search(r'value="files.read" checked', answer.text)
    assert not re.search(r'value="files.write" checked', answer.text)
    assert 'href="/models"' in answer.text


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("description", "", "Say what the agent shall do"),
        ("budget.tokens", "lots", "Write a number such as 200 k"),
        ("budget.cost", "-1", "Write dollars"),
        ("promises", "/etc/passwd", "plain relative path"),
        ("model", "local/gone", "there is no model local/gone"),
    ],
)
def test_what_is_wrong_stands_at_its_field(client: FlaskClient, field: str, value: str, said: str) -> None:
    provider_with(client, "small")
    answer = sends(client, "/tasks/new/ask", **{"description": "Count.", "tools": ["files.read"], field: value})
    assert answer.status_code == 422
    at_field = answer.text.partition(f'id="wrong-{field}"')[2][:600].lower()
    assert said.lower() in at_field


def test_the_plan_beside_the_form_says_within_what_it_would_work(client: FlaskClient) -> None:
    provider_with(client, "small", "large")
    form = {"description": "Count.", "tools": ["files.read"], "asks": ["plan"], "budget.calls": "7", "complexity": "4"}
    shown = sends(client, "/tasks/new/ask/plan", **form).text
    for words in ("local/small", "local/large", "files.read", "it begins", "Model calls 7"):
        assert words in shown


def test_a_conversation_is_told_turn_by_turn_with_what_it_used(client: FlaskClient) -> None:
    with filling(client.application) as session:
        task = conversations.make_conversation(session, State.SUCCEEDED)
    shown = client.get(f"/tasks/{task.id}").text
    assert shown.index("What I found") < shown.index("How it got there") < shown.index("I will first")
    assert "<strong>14 % more</strong>" in shown
    assert "2,400 in, 180 out" in shown
    assert "agent, version 1" in shown
    assert "of $0.50" in shown
    assert shown.count('class="calls-of"') == 2
    assert "Asked an agent" in shown
    assert f"/tasks/new/ask?again={task.id}" in shown


def test_spend_is_told_by_day_agent_task_and_model_with_unknown_prices_said(client: FlaskClient) -> None:
    assert "No model was called yet" in client.get("/spend").text
    with filling(client.application) as session:
        factories.make_agent(session, "scout")
        task = conversations.make_conversation(session, State.SUCCEEDED)
        conversations.some_spend(session, task, days=3)
    shown = client.get("/spend").text
    assert "1 call is of unknown price and in no sum of money" in shown
    assert task.title in shown
    assert "ollama/qwen3:30b" in shown
    assert "$0.94</span>" in shown.replace("\n", "") or "$0.94" in shown
    assert "of $1.00" in shown
    assert "tokens, " in client.get("/spend?of=tokens").text


def test_limits_of_a_day_and_of_an_agent_are_set_where_they_are_shown(client: FlaskClient) -> None:
    with filling(client.application) as session:
        factories.make_agent(session, "scout")
    assert sends(client, "/spend/day", cost="2.50", tokens="1 M", calls="").status_code == 303
    assert sends(client, "/spend/agents/scout", cost="", tokens="50 k", calls="20").status_code == 303
    shown = client.get("/spend").text
    for words in ("of $2.50", "of 1.0 M", "of 50.0 k", "of 20"):
        assert words in shown
    wrong = sends(client, "/spend/day", cost="much", tokens="-4", calls="")
    assert wrong.status_code == 422
    assert "were not changed" in wrong.text
    assert 'value="much"' in wrong.text
    assert "Write dollars, such as 0.15" in wrong.text
    for of_page, refreshes in ((shown, True), (wrong.text, False)):
        (opened,) = re.findall(r'<div class="[^"]*" id="spend"[^>]*>', of_page)
        assert ("hx-trigger" in opened) is refreshes, "a refresh would take away what was typed and its error"


def test_page_of_spend_is_bounded_and_says_how_many_agents_it_leaves_out(client: FlaskClient) -> None:
    with filling(client.application) as session:
        for number in range(103):
            factories.make_agent(session, f"agent-{number:03}")
    shown = client.get("/spend").text
    assert 'id="agent-agent-099"' in shown
    assert 'id="agent-agent-100"' not in shown
    assert "3 more agents not shown" in shown
    wrong = sends(client, "/spend/agents/agent-102", cost="much").text
    assert 'value="much"' in wrong
    assert "2 more agents not shown" in wrong


def test_an_answer_says_which_models_failed_before_it_and_what_it_was_asked_with(client: FlaskClient) -> None:
    with filling(client.application) as session:
        task = conversations.make_conversation(session, State.SUCCEEDED)
        first = session.scalars(select(Step).where(Step.task_id == task.id, Step.key == "m1")).one()
        fell = {
            "from": "openrouter/large",
            "to": "ollama/llama3.2",
            "why": "answered 503: overloaded",
            "step": first.id,
        }
        factories.make_event(session, task, "model.fell_back", first.started_at, **fell)
        step_id = first.id
    shown = client.get(f"/tasks/{task.id}").text
    assert "openrouter/large" in shown
    assert "answered 503: overloaded" in shown
    asked = client.get(f"/tasks/{task.id}/steps/{step_id}/output").text
    assert "agent, version 1" in asked
    assert "5b2c9a8e01d47f36" in asked  # an older text of it: only its digest is known


def test_the_budget_of_a_task_is_raised_on_a_page_of_its_own(client: FlaskClient) -> None:
    with filling(client.application) as session:
        task = conversations.make_conversation(session, State.RUNNING)
    assert f"/tasks/{task.id}/budget" in client.get(f"/tasks/{task.id}").text
    shown = client.get(f"/tasks/{task.id}/budget").text
    assert 'value="200 k"' in shown
    assert "8,000 reserved" in shown
    path = f"/tasks/{task.id}/budget"
    wrong = sends(client, path, cost="0.50", tokens="many", calls="40", wall_s="")
    assert wrong.status_code == 422
    assert "Write a whole number" in wrong.text
    assert sends(client, path, cost="0.50", tokens="1 M", calls="40", wall_s="2 h").status_code == 303
    assert "of 1.0 M" in client.get(f"/tasks/{task.id}").text


def test_an_agents_model_and_what_it_asks_are_set_on_its_page(client: FlaskClient) -> None:
    with filling(client.application) as session:
        factories.make_agent(session, "scout")
        conversations.some_providers(session)
    sent = sends(client, "/agents/scout/thinking", model="ollama/llama3.2", asks=["plan", "web.fetch"])
    assert sent.status_code == 303
    shown = client.get("/agents/scout").text
    assert "<option selected>ollama/llama3.2</option>" in shown
    assert re.search(r'name="asks" value="web.fetch" checked', shown)
    assert "Thinks with ollama/llama3.2." in shown
    assert "whole plans, web.fetch" in client.get("/agents").text
    assert "No model was called." in shown
