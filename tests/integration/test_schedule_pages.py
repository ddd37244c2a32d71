"""The schedules' pages without a script: what they say, what they refuse, and that what was typed comes back."""

import html
import json
import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from models import scope
from models.database import db, reading, writing
from models.schedule import Schedule
from models.sign_in import new_link
from models.task import Task
from settings import Settings
from tasks.orders.submission import Order
from tasks.plans.kept import plan_of
from tasks.plans.model_plan import ModelPlan
from tasks.scheduling.schedules import Wanted, create, run_now
from tests.support.language_models import configure
from tests.support.web import PLAYBOOK
from webapp import create_app

FORM = {"name": "Nightly", "repeats": "cron", "rule": "0 3 * * *", "time_zone": "Europe/Berlin", "missed": "one",
        "overlap": "skip", "playbook": json.dumps(PLAYBOOK), "inputs.name": "you", "priority": "4"}  # fmt: skip


@pytest.fixture
def client(sqlite: Settings) -> Iterator[FlaskClient]:
    """A browser that is signed in."""
    app = create_app(sqlite)
    client = app.test_client()
    _sign_in(app, client)
    yield client
    with app.app_context():
        db.engine.dispose()


def _sign_in(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), scope.acting("person:local"), writing() as session:
        secret = new_link(session)
    sends(client, f"/sign-in/{secret}", f"/sign-in/{secret}")


def sends(client: FlaskClient, path: str, seen: str = "/schedules/new/playbook", **form: str) -> TestResponse:
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(seen).text)
    assert token is not None
    return client.post(path, data={"csrf_token": token[1], **form})


def schedules(client: FlaskClient) -> list[Schedule]:
    with client.application.app_context(), scope.acting("person:local"), reading() as session:
        return list(session.scalars(select(Schedule)))


def tasks(client: FlaskClient) -> list[Task]:
    with client.application.app_context(), scope.acting("person:local"), reading() as session:
        return list(session.scalars(select(Task)))


@pytest.fixture
def made(client: FlaskClient) -> str:
    """The address of a schedule that was made with the form."""
    answer = sends(client, "/schedules/new/playbook", **FORM)
    assert answer.status_code == 303, answer.text
    return answer.location


def test_empty_list_says_what_to_do(client: FlaskClient) -> None:
    shown = client.get("/schedules").text
    assert "No schedule yet" in shown
    assert '<a class="button main" href="/schedules/new">' in shown


def test_schedule_is_made_with_the_form_and_shown(client: FlaskClient, made: str) -> None:
    shown = client.get(made).text
    assert "At 03:00 every day." in shown
    assert shown.count("<time datetime=") >= 5
    assert "03:00</b>" in shown and "UTC" in shown
    assert "Nightly" in client.get("/schedules").text


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_comes_back(client: FlaskClient) -> None:
    wrong = {**FORM, "rule": "0 99 * * *", "name": "", "deadline": "soon", "retry.attempts": "many"}
    answer = sends(client, "/schedules/new/playbook", **wrong)
    assert answer.status_code == 422
    for name in ("rule", "name", "deadline", "retry.attempts"):
        assert f'aria-describedby="wrong-{name}"' in answer.text
    assert 'value="0 99 * * *"' in answer.text
    assert "The schedule was not kept" in answer.text
    assert schedules(client) == []


def test_preview_shows_the_times_in_the_zone_and_in_utc_or_what_is_wrong(client: FlaskClient) -> None:
    shown = sends(client, "/schedules/preview", **FORM).text
    assert shown.count("<li>") == 5
    assert "03:00</b> CE" in shown
    assert "UTC</span>" in shown
    assert "has 2 fields" in sends(client, "/schedules/preview", **{**FORM, "rule": "* *"}).text


def test_schedule_is_changed_paused_resumed_run_and_deleted(client: FlaskClient, made: str) -> None:
    assert 'value="0 3 * * *"' in client.get(f"{made}/edit").text
    changed = {**FORM, "repeats": "interval", "rule": "15 min", "retry.errors": "transient, exit_code"}
    assert sends(client, f"{made}/edit", **changed).status_code == 303
    assert "Every 15 min." in client.get(made).text
    assert 'value="transient, exit_code"' in client.get(f"{made}/edit").text
    sends(client, f"{made}/pause")
    paused = client.get(made).text
    assert "None while it is paused" in paused
    happened = [f"Schedule Nightly {what}." in paused for what in ("made", "changed", "paused", "resumed")]
    assert happened == [True, True, True, False]
    sends(client, f"{made}/resume")
    sends(client, f"{made}/run")
    (task,) = tasks(client)
    assert task.id in client.get(made).text
    assert "Nightly" in client.get(f"/tasks/{task.id}").text
    assert "Delete the schedule" in client.get(f"{made}/delete").text
    sends(client, f"{made}/delete")
    assert schedules(client) == []
    assert len(tasks(client)) == 1


def test_task_is_submitted_with_its_times_from_the_form(client: FlaskClient) -> None:
    times = {"start_at": "2030-06-01T08:00", "zone": "Europe/Berlin", "deadline": "2 h", "retry.attempts": "3"}
    sent = {"playbook": json.dumps(PLAYBOOK), "inputs.name": "you", "priority": "4", **times}
    assert sends(client, "/tasks/new/playbook", **sent).status_code == 303
    (task,) = tasks(client)
    assert task.waits_until is not None and task.deadline_at is not None
    assert (task.waits_until.isoformat(), task.retry) == ("2030-06-01T06:00:00+00:00", {"attempts": 3})
    assert "Must end by" in client.get(f"/tasks/{task.id}").text
    refused = sends(client, "/tasks/new/playbook", **{**sent, "delay": "5 min"})
    assert refused.status_code == 422
    assert 'aria-describedby="wrong-delay"' in refused.text
    assert 'value="2030-06-01T08:00"' in refused.text


def test_a_start_time_that_has_passed_is_said_to_mean_at_once(client: FlaskClient) -> None:
    sent = {"playbook": json.dumps(PLAYBOOK), "inputs.name": "you", "priority": "4", "start_at": "2020-06-01T08:00"}
    assert sends(client, "/tasks/new/playbook", **sent).status_code == 303
    (task,) = tasks(client)
    assert "Its start time has passed: it begins at once." in client.get(f"/tasks/{task.id}").text


def test_changing_what_was_asked_of_a_model_loses_nothing_that_was_said(client: FlaskClient) -> None:
    said = {"tools": ["files.write"], "budget": {"tokens": 900}, "promises": ["output/a.md"]}
    with client.application.app_context(), scope.acting("person:local"):
        configure("http://127.0.0.1:9/v1", "small", input_price=0, output_price=0)
        create(Wanted("Poem", Order(description="Write a poem.", **said), "interval", "1 h"))  # type: ignore[arg-type]
    address = f"/schedules/{schedules(client)[0].id}/edit"
    shown = client.get(address).text
    text = html.unescape(re.search(r"<textarea[^>]*name=.playbook.[^>]*>(.*?)</textarea>", shown, re.DOTALL)[1])  # type: ignore[index]
    assert "kind: model" in text
    form = {"name": "Poem", "repeats": "interval", "rule": "2 h", "description": "Write a poem.", "priority": "4"}
    answer = sends(client, address, address, playbook=text, missed="one", overlap="skip", time_zone="UTC", **form)
    assert answer.status_code == 303, answer.text
    with client.application.app_context(), scope.acting("person:local"):
        task = run_now(schedules(client)[0].id)
        plan = plan_of(task)
    assert task.description == "Write a poem."
    assert isinstance(plan, ModelPlan)
    assert (plan.tools, plan.budget.tokens, plan.promises[0].path) == (["files.write"], 900, "output/a.md")
