"""Families asked for by the API, the Python client, the command line and the pages without a script."""

import re
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from models import scope
from models.database import bare_app, db, reading, writing
from models.sign_in import new_link
from models.states import State
from models.task import Task
from opscore_sdk import InvalidRequest, NotFound, OpsCoreClient
from settings import Settings
from tests.support.factories import make_task, some_family
from tests.support.web import Address, web_here
from webapp import create_app
from worker.command_line.program import program


@pytest.fixture
def web(sqlite: Settings) -> Iterator[Address]:
    with web_here(sqlite) as running:
        yield running


@pytest.fixture
def made(sqlite: Settings) -> Iterator[dict[str, Task]]:
    """A family of five, and a task beside it; within, alice acts."""
    with bare_app(sqlite).app_context(), scope.acting("person:alice"):
        with writing() as session:
            found = some_family(session) | {"beside": make_task(session, State.QUEUED, title="Beside")}
        yield found
        db.engine.dispose()


@pytest.fixture
def client(web: Address) -> Iterator[OpsCoreClient]:
    with OpsCoreClient(web.url, web.token) as found:
        yield found


def test_family_is_shown_whole_whichever_of_its_tasks_is_named(client: OpsCoreClient, made: dict[str, Task]) -> None:
    found = client.family(made["last part"].id)
    assert found.id == made["family"].id
    assert [task.raw["depth"] for task in found.tasks] == [0, 1, 2, 2, 1]
    assert (found.progress.tasks, found.progress.ended) == (5, 2)
    assert found.progress.states == {"running": 1, "waiting": 2, "succeeded": 1, "failed": 1}
    assert client.family(made["beside"].id).progress.tasks == 1
    with pytest.raises(NotFound):
        client.family("01a1ff7a-0000-7000-8000-000000000000")


def test_list_keeps_to_one_family(client: OpsCoreClient, made: dict[str, Task]) -> None:
    family = made["family"].id
    assert len(list(client.tasks(family=family))) == 5
    assert [task.title for task in client.tasks(family=family, state="succeeded")] == ["Read the terms"]
    assert len(list(client.tasks(family=family, q="supplier"))) == 4


def test_what_is_written_is_read_by_all(client: OpsCoreClient, made: dict[str, Task]) -> None:
    before = client.messages(made["part"].id)
    assert [each.author for each in before] == ["agent:scout", "person:local"]
    one = client.say(made["part"].id, "Begin with the north", key="k")
    assert client.say(made["part"].id, "Begin with the north", key="k").number == one.number
    [found] = client.messages(made["family"].id, since=before[-1].number)
    assert (found.text, found.task_id, found.author) == ("Begin with the north", made["part"].id, "program:token")
    with pytest.raises(InvalidRequest):
        client.say(made["part"].id, "")
    assert [each.text for each in client.messages(made["part"].id, limit=1, newest=True)] == ["Begin with the north"]
    assert client.messages(made["part"].id, limit=1) == before[:1]


def test_command_line_shows_and_writes(web: Address, made: dict[str, Task], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCORE_URL", web.url)
    monkeypatch.setenv("OPSCORE_API_TOKEN", web.token)
    wrote = CliRunner().invoke(program, ["say", made["part"].id, "Take your time"], catch_exceptions=False)
    assert wrote.exit_code == 0, wrote.output
    shown = CliRunner().invoke(program, ["family", made["family"].id], catch_exceptions=False)
    assert shown.exit_code == 0, shown.output
    assert "    Read the terms" in shown.output
    assert "2 of 5 have ended" in shown.output
    assert "Take your time" in shown.output


def test_page_without_a_script_shows_the_family_and_takes_a_message(sqlite: Settings, made: dict[str, Task]) -> None:
    browser = _signed_in(sqlite)
    address = f"/tasks/{made['part'].id}/family"
    page = browser.get(address).text
    assert "Compare three suppliers" in page and "2</b> of 5 tasks ended" in page
    assert "The prices are net, in euros." in page
    answer = _post(browser, address, f"/tasks/{made['part'].id}/messages", text="<i>Look</i> & see")
    assert answer.status_code == 303
    assert "&lt;i&gt;Look&lt;/i&gt; &amp; see" in browser.get(address).text
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key is not None
    for text in ("Twice", "Twice", "Other"):
        assert _post(browser, address, f"/tasks/{made['part'].id}/messages", text=text, key=key[1]).status_code == 303
    shown = browser.get(address).text
    assert (shown.count("Twice"), shown.count("Other")) == (1, 1)
    assert "works alone" in browser.get(f"/tasks/{made['beside'].id}/family").text
    asked = browser.get(f"/tasks/{made['family'].id}/cancel").text
    assert "2 tasks that came from it are cancelled too." in asked


def test_what_is_done_to_all_of_a_family_is_done_to_none_beside(sqlite: Settings, made: dict[str, Task]) -> None:
    browser = _signed_in(sqlite)
    address = f"/tasks/all/cancel?family={made['family'].id}"
    assert "3 tasks" in browser.get(address).text
    _post(browser, address, "/tasks/all/cancel", family=made["family"].id)
    with reading() as session:
        states = {task.title: task.state for task in session.scalars(select(Task))}
    assert states["Beside"] == State.QUEUED
    assert states["Compare three suppliers"] == State.CANCELLED


def _signed_in(told: Settings) -> FlaskClient:
    with writing() as session:
        secret = new_link(session)
    browser = create_app(told).test_client()
    _post(browser, f"/sign-in/{secret}", f"/sign-in/{secret}")
    return browser


def _post(browser: FlaskClient, seen: str, path: str, **form: str) -> TestResponse:
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(seen).text)
    assert token is not None
    return browser.post(path, data={"csrf_token": token[1], **form})
