"""The playground makes a real task of what is tried, exactly as it was typed, and shows what it came to."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models import scope
from models.database import db, reading, writing
from models.states import State
from models.task import Task
from tests.support import factories, language_models
from tests.support.draining import drain_all, serving
from tests.support.model_server import playing
from tools.contract import Effect
from webapp.gate import PERSON
from webapp.playground import Try, the_tool, tools

LOOKS = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What says nothing of the database is tried on one."""
AS_IT_IS = ("file.", "key", "sure")


@pytest.fixture
def person(web: Flask) -> FlaskClient:
    """A browser of somebody who signed in."""
    client = web.test_client()
    with client.session_transaction() as session:
        session["person"] = PERSON
    return client


def token(person: FlaskClient) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', person.get("/playground").text)
    assert found
    return found[1]


def sent(person: FlaskClient, tool: str, **fields: str) -> Any:
    form = {(name if name.startswith(AS_IT_IS) else "in." + name): value for name, value in fields.items()}
    return person.post(f"/playground/tools/{tool}", data={"csrf_token": token(person), **form})


def only_task() -> Any:
    db.session.rollback()
    with reading() as session:
        return session.scalars(select(Task).options(joinedload(Task.plan))).one_or_none()


@LOOKS
def test_navigation_leads_to_it_and_it_shows_form_and_schema(person: FlaskClient) -> None:
    text = person.get("/playground").text
    assert 'href="/playground"' in text
    assert "Schema of its input" in text
    assert 'name="in.code"' in text


@LOOKS
def test_every_tool_has_a_form(person: FlaskClient) -> None:
    for tool in tools():
        text = person.get(f"/playground?tool={tool.name}").text
        missing = [name for name in tool.Input.model_fields if f'name="in.{name}"' not in text]
        assert missing == [], tool.name


@LOOKS
def test_tools_of_exercises_cannot_be_tried(person: FlaskClient) -> None:
    assert all(not tool.name.startswith("drill.") for tool in tools())
    assert person.get("/playground?tool=drill.note_once").status_code == 404


def test_try_is_a_task_of_one_step_with_what_was_typed(person: FlaskClient) -> None:
    code = "print('{{ inputs.code }} {% raw %}')\n"
    answer = sent(person, "python.run", code=code, **{"file.path": "src/data.csv", "file.text": "a,b\n1,2\n"})
    assert answer.status_code == 303
    task = only_task()
    assert answer.headers["Location"].startswith(f"/playground?task={task.id}")
    assert (task.title, task.complexity, task.inputs["code"]) == ("Playground: python.run", 1, code)
    assert task.plan.content["files"] == {"src/data.csv": "a,b\n1,2\n"}
    [step] = task.plan.content["steps"]
    assert (step["tool"], step["with"]["code"]) == ("python.run", "{{ inputs.code }}")


@LOOKS
def test_form_that_is_sent_twice_is_one_task(person: FlaskClient) -> None:
    def try_it(**fields: str) -> str:
        return str(sent(person, "files.write", key="k", **fields).headers["Location"])

    once = try_it(path="output/a.txt", text="a")
    assert try_it(path="output/a.txt", text="a") == once
    assert try_it(path="output/a.txt", text="b") != once


@LOOKS
def test_tool_that_must_not_be_called_twice_is_asked_about_first(
    person: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(the_tool("files.write"), "effect", Effect.ONCE)
    asked = sent(person, "files.write", path="output/a.txt", text="two\nlines").text
    assert "Call files.write?" in asked
    assert 'name="in.text" value="two\nlines"' in asked
    assert only_task() is None
    assert sent(person, "files.write", path="output/a.txt", text="t", sure="yes").status_code == 303
    assert only_task().title == "Playground: files.write"


@LOOKS
def test_form_comes_back_with_what_the_task_was_made_of(person: FlaskClient) -> None:
    sent(person, "files.write", path="output/a.txt", text="two\nlines", **{"file.path": "x", "file.text": "y"})
    task = only_task()
    text = person.get(f"/playground?task={task.id}").text
    assert "two\nlines</textarea>" in text
    assert 'value="output/a.txt"' in text
    assert 'id="task-head" data-state="queued"' in text
    assert f'hx-get="/playground/tasks/{task.id}/live"' in text


@LOOKS
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_called(person: FlaskClient) -> None:
    answer = sent(person, "files.read", limit="0")
    assert answer.status_code == 422
    assert "Please fill this in." in answer.text
    assert "Nothing was called" in answer.text
    assert only_task() is None


@LOOKS
def test_what_is_wrong_with_the_whole_is_said_above(person: FlaskClient) -> None:
    answer = sent(person, "python.run")
    assert answer.status_code == 422
    assert "give either code or file" in answer.text


def test_result_shows_what_was_printed_and_returned(person: FlaskClient) -> None:
    sent(person, "files.write", path="output/a.txt", text="hello")
    task = only_task()
    with writing() as session:
        task = session.merge(task)
        task.state = State.SUCCEEDED
        step = factories.make_step(session, task, 1, tool="files.write", stdout="printed <b>it</b>", output={"size": 5})
        step.key = "try"
    text = person.get(f"/playground/tasks/{task.id}/live").text
    assert 'data-state="succeeded"' in text
    assert "printed &lt;b&gt;it&lt;/b&gt;" in text
    assert "&#34;size&#34;: 5" in text


def test_task_of_another_kind_is_not_shown_here(person: FlaskClient) -> None:
    with writing() as session:
        task = factories.make_task(session)
    assert person.get(f"/playground?task={task.id}").status_code == 404


@LOOKS
def test_without_a_model_the_page_says_how_to_get_one(person: FlaskClient) -> None:
    text = person.get("/playground/model").text
    assert "No model can be tried yet" in text
    assert "bin/opscore demo model --add" in text
    assert 'href="/models"' in text


def test_try_of_a_model_is_a_task_of_one_answer_whose_cost_is_shown(
    person: FlaskClient,
) -> None:
    served = serving()
    answer = {"text": "It is **blue**.", "usage": {"input": 1000, "output": 100}}
    with playing([answer]) as server:
        language_models.configure(server.url, "small", input_price=1_000_000, output_price=2_000_000)
        form = {"csrf_token": token(person), "model": "local/small", "message": "What colour is {{ the }} sky?"}
        sent = person.post("/playground/model", data=form)
        assert sent.status_code == 303
        task = only_task()
        with scope.acting("agent:scout"):
            drain_all(served)
        [asked] = server.journal.entries()
        messages = server.journal.messages(asked["number"])
    assert messages and "What colour is {{ the }} sky?" in messages[1]["content"]
    assert "Somebody tries you out" in messages[0]["content"]
    text = person.get(f"/playground/model?task={task.id}").text
    assert "It is <strong>blue</strong>." in text
    assert "1,000 in, 100 out" in text
    assert "$0.0012" in text
    assert "What colour is {{ the }} sky?</textarea>" in text
    assert person.get(f"/playground?task={task.id}").status_code == 404


@LOOKS
def test_message_that_is_missing_is_asked_for(person: FlaskClient) -> None:
    language_models.configure()
    answer = person.post("/playground/model", data={"csrf_token": token(person), "model": "local/small"})
    assert answer.status_code == 422
    assert "Write what the model is to answer." in answer.text
    assert only_task() is None


@LOOKS
def test_model_that_is_not_there_any_more_is_said(person: FlaskClient) -> None:
    language_models.configure()
    form = {"csrf_token": token(person), "model": "local/gone", "message": "Hello"}
    answer = person.post("/playground/model", data=form)
    assert answer.status_code == 422
    assert "there is no model local/gone" in answer.text


@LOOKS
def test_list_is_typed_line_by_line(web: Flask) -> None:
    tried = Try.sent(the_tool("terminal.run"), {"in.command": "echo\n two words \n"})
    assert tried.problems == []
    assert tried.inputs["command"] == ["echo", "two words"]
    assert json.loads(tried.order.playbook or "")["steps"][0]["with"]["command"] == "{{ inputs.command }}"
