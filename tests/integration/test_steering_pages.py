"""The pages that steer tasks, queues and agents, on both databases and without a script: what they say and do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from models import scope
from models.agent import Agent
from models.columns import now
from models.database import db, reading, writing
from models.plan import Plan
from models.sign_in import new_link
from models.states import State
from models.step import StepState
from models.task import Task
from settings import Settings
from tasks.plans import catalog
from tests.support import factories
from webapp import create_app


@pytest.fixture
def client(database: Settings) -> Iterator[FlaskClient]:
    """A browser that is signed in."""
    app = create_app(database)
    with filling(app) as session:
        secret = new_link(session)
    client = app.test_client()
    _send(client, f"/sign-in/{secret}", f"/sign-in/{secret}")
    yield client
    with app.app_context():
        db.engine.dispose()


@contextmanager
def filling(app: Flask) -> Iterator[Session]:
    with app.app_context(), scope.acting("person:local"), writing() as session:
        yield session


def _send(client: FlaskClient, path: str, seen: str = "/stop", **form: str) -> TestResponse:
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(seen).text)
    assert token is not None
    return client.post(path, data={"csrf_token": token[1], **form})


def _task(client: FlaskClient, task_id: str) -> Task:
    with client.application.app_context(), scope.acting("person:local"), reading() as session:
        return session.scalars(select(Task).where(Task.id == task_id)).one()


def _failed_at_a_step(session: Session, title: str, code: str) -> str:
    task = factories.make_task(session, State.FAILED, error_code="tool_failed", error_message="it broke", title=title)
    factories.make_step(session, task, 1, StepState.FAILED, error_code=code, error_message=f"because of {code}")
    factories.make_event(session, task, "task.failed", now(), code=code, why="no attempt is left", attempts=3)
    return str(task.id)


def test_dead_letters_are_grouped_and_chosen_by_what_their_step_says(client: FlaskClient) -> None:
    with filling(client.application) as session:
        exit_id = _failed_at_a_step(session, "Exits", "exit_code")
        _failed_at_a_step(session, "Waits", "wall_s")
    page = client.get("/dead-letters").text
    assert "A program ended with an error" in page
    assert "Because of exit_code. No attempt is left: all 3 were made." in page
    assert "No attempt is left: all 3 were made." in client.get(f"/tasks/{exit_id}").text
    assert "Waits" not in client.get("/dead-letters?code=exit_code").text
    answer = _send(client, "/tasks/all/dismiss", dead_letters="1", code="exit_code")
    assert "1 task dismissed." in answer.text
    before = {"why.cannot dismiss task: it is queued": "2"}
    answer = _send(client, "/tasks/all/dismiss", dead_letters="1", code="exit_code", **before)
    assert "2 tasks left alone: cannot dismiss task: it is queued." in answer.text
    assert _task(client, exit_id).dead_letter_at is None
    left = client.get("/dead-letters").text
    assert "Exits" not in left
    assert "Waits" in left


def test_an_answer_to_another_question_is_refused(client: FlaskClient) -> None:
    with filling(client.application) as session:
        task_id = factories.make_task(session, State.WAITING, done=1).id
    assert "may have had its effect" in client.get(f"/tasks/{task_id}").text
    wrong = _send(client, f"/tasks/{task_id}/answer", choice="done", step="0" * 8 + "-0000-7000-8000-" + "0" * 12)
    assert wrong.status_code == 409
    assert _send(client, f"/tasks/{task_id}/answer", choice="maybe").status_code == 422
    assert _send(client, f"/tasks/{task_id}/answer", choice="done").status_code == 303
    assert _task(client, task_id).state == State.QUEUED


def test_what_a_task_allows_has_a_button_and_what_it_does_not_is_refused(client: FlaskClient) -> None:
    with filling(client.application) as session:
        made = {state: factories.make_task(session, state, done=1).id for state in State}
    buttons = {
        State.QUEUED: ["cancel", "pause"], State.RUNNING: ["cancel", "pause", "pause-now"], State.WAITING: ["cancel"],
        State.PAUSED: ["cancel", "resume"], State.SUCCEEDED: [], State.FAILED: ["dismiss", "retry"],
        State.CANCELLED: ["retry"],
    }  # fmt: skip
    for state, task_id in made.items():
        page = client.get(f"/tasks/{task_id}").text
        found = set(re.findall(rf'(?:href|action)="/tasks/{task_id}/([a-z-]+)"', page))
        assert sorted(found & {"cancel", "pause", "pause-now", "resume", "retry", "dismiss"}) == buttons[state], state
    late = _send(client, f"/tasks/{made[State.SUCCEEDED]}/cancel")
    assert late.status_code == 409
    assert "It has succeeded meanwhile." in late.text
    assert "task_id" not in late.text
    assert _send(client, f"/tasks/{made[State.QUEUED]}/pause").status_code == 303
    assert _task(client, made[State.QUEUED]).state == State.PAUSED


def test_a_replay_says_what_it_does_again_and_keeps_the_earlier_attempt(client: FlaskClient) -> None:
    with filling(client.application) as session:
        task = factories.make_task(session, State.SUCCEEDED)
    step = re.findall(r'href="(/tasks/[^"]+/replay/[^"]+)"', client.get(f"/tasks/{task.id}").text)[3]
    asked = client.get(step).text
    assert "Replay 2 steps" in asked
    assert "Steps 1 to 3 stay as they are." in asked
    assert _send(client, step).status_code == 303
    page = client.get(f"/tasks/{task.id}").text
    assert "Earlier attempt, replaced" in page
    assert _task(client, task.id).epoch == 2


def test_running_again_fills_the_form_in_and_remembers_of_what(client: FlaskClient) -> None:
    with filling(client.application) as session:
        original = factories.make_task(session, State.CANCELLED, title="Once more", template="analyse-table").id
        gone = factories.make_task(session, State.CANCELLED, template="taken-away").id
    assert f'href="/tasks/new/playbook?again={gone}"' in client.get(f"/tasks/{gone}").text
    form = f"/tasks/new/from/analyse-table?again={original}"
    assert form.replace("&", "&amp;") in client.get(f"/tasks/{original}").text
    page = client.get(form).text
    assert 'value="Once more"' in page
    assert f'name="cloned_from" value="{original}"' in page
    assert f'href="/tasks/new/playbook?again={original}">take that task' in page
    with filling(client.application) as session:
        today = catalog.find("analyse-table").plan.model_dump(mode="json", by_alias=True)
        session.execute(update(Plan).values(content=today))
    assert "The template has changed since" not in client.get(form).text


def test_nothing_is_done_to_many_that_cannot_be_done(client: FlaskClient) -> None:
    assert client.get("/tasks/all/explode").status_code == 422
    assert "Nothing to retry" in client.get("/tasks/all/retry?state=failed").text


@pytest.mark.parametrize("filtered", ["family=unreadable", "state=queud", "complexity=ten", "complexity=11"])
def test_a_filter_that_cannot_be_read_is_refused_and_not_dropped(client: FlaskClient, filtered: str) -> None:
    with filling(client.application) as session:
        other = factories.make_task(session, State.QUEUED).id
    assert client.get(f"/tasks?{filtered}").status_code in (404, 422)
    assert client.get(f"/tasks/all/cancel?{filtered}").status_code in (404, 422)
    name, _, value = filtered.partition("=")
    assert _send(client, "/tasks/all/cancel", **{name: value}).status_code in (404, 422)
    assert _task(client, other).state == State.QUEUED


def test_a_queue_and_an_agent_are_paused_limited_and_resumed(client: FlaskClient) -> None:
    with filling(client.application) as session:
        factories.make_worker(session, factories.make_agent(session))
    assert _send(client, "/queues/complexity.3/pause", reason="the disk is full").status_code == 303
    assert "the disk is full" in client.get("/queues").text
    assert _send(client, "/queues/complexity.3/limit", max_running="many").status_code == 422
    assert _send(client, "/queues/complexity.3/limit", max_running="2").status_code == 303
    assert re.search(r'id="limit-complexity-3"[^>]*value="2"', client.get("/queues").text)
    _send(client, "/queues/complexity.3/resume")
    assert "the disk is full" not in client.get("/queues").text
    _send(client, "/agents/scout/pause")
    _send(client, "/agents/scout/most", max_running="3")
    page = client.get("/agents/scout").text
    assert "At most 3 tasks at a time." in page
    with client.application.app_context(), scope.acting("person:local"), reading() as session:
        agent = session.scalars(select(Agent)).one()
    assert (agent.paused_at is not None, agent.max_running) == (True, 3)


def test_the_emergency_stop_asks_first_and_tells_every_page(client: FlaskClient) -> None:
    with filling(client.application) as session:
        task_id = factories.make_task(session, State.RUNNING, done=1, title="Send the mails").id
        held_id = factories.make_task(session, State.PAUSED, done=1, emergency_at=now()).id
    assert "Send the mails" in client.get("/stop").text
    _send(client, "/stop", reason="wrong mails")
    assert _task(client, task_id).stop_requested_at is not None
    for path in ("/", "/tasks", "/queues"):
        assert "Everything is stopped" in client.get(path).text
    assert "Release the stop?" in client.get("/stop").text
    held = client.get(f"/tasks/{held_id}").text
    assert re.search(r'class="button main" href="/release"', held)
    assert f"/tasks/{held_id}/resume" not in held
    _send(client, "/release")
    assert "Everything is stopped" not in client.get("/").text


def test_run_again_keeps_a_length_of_time_and_says_which_moment_it_leaves_out(client: FlaskClient) -> None:
    path = "/tasks/new/playbook"
    text = "steps: [{stage: build, tool: files.write, with: {path: output/a.txt, text: hi}}]"
    shown = []
    for deadline in ("10 min", "2100-01-01T06:00:00Z"):
        answer = _send(client, path, path, playbook=text, complexity="3", deadline=deadline)
        shown.append(client.get(f"{path}?again={answer.headers['Location'].rpartition('/')[2]}").text)
    assert re.search(r'id="deadline"[^>]* value="10 min"', shown[0])
    assert "had to end by 2100-01-01 06:00:00.000 UTC" in shown[1]
    assert re.search(r'id="deadline"[^>]* value=""', shown[1])
