"""Retention as people and programs ask for it: the page, the API, the Python client, the command line."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from models import scope
from models.columns import now
from models.database import db, reading, writing
from models.sign_in import new_link
from models.states import State
from models.task import Task
from opscore_sdk import InvalidRequest, OpsCoreClient
from settings import Settings
from tests.support.factories import make_task
from tests.support.web import Api, web_here
from webapp import create_app
from worker.command_line.program import program


@pytest.fixture
def web(sqlite: Settings) -> Iterator[Flask]:
    """The web application with three tasks that ended long ago and one that ended just now."""
    app = create_app(sqlite)
    with app.app_context(), scope.acting("person:local"):
        with writing() as session:
            for days in (0, 40, 50, 60):
                make_task(session, State.SUCCEEDED).finished_at = now() - timedelta(days=days)
        db.session.remove()
    yield app
    with app.app_context():
        db.engine.dispose()


def left(app: Flask) -> int:
    with app.app_context(), scope.acting("person:local"), reading() as session:
        return session.scalar(select(func.count()).select_from(Task)) or 0


def test_programs_see_set_and_prune(web: Flask, sqlite: Settings) -> None:
    api = Api(web.test_client(), sqlite.token)
    shown = api.ask("GET", "/v1/retention").json["rules"]
    assert [(rule["state"], rule["keep"]) for rule in shown] == [
        ("succeeded", "forever"),
        ("failed", "forever"),
        ("cancelled", "forever"),
    ]
    assert api.ask("GET", "/v1/retention/succeeded/preview?keep=45 days").json["due"]["tasks"] == 2
    assert api.ask("PATCH", "/v1/retention/succeeded", json={"keep": "a while"}).status_code == 422
    kept = api.ask("PATCH", "/v1/retention/succeeded", json={"keep": "45 days"}).json
    assert (kept["keep_s"], kept["export"], kept["due"]["tasks"]) == (45 * 86400, True, 2)
    assert api.ask("POST", "/v1/retention/prune", json={}).json == {"deleted": 2, "is_more": False}
    assert left(web) == 2


@pytest.fixture
def person(web: Flask) -> FlaskClient:
    """A browser that is signed in."""
    with web.app_context(), scope.acting("person:local"), writing() as session:
        secret = new_link(session)
    client = web.test_client()
    sends(client, f"/sign-in/{secret}", f"/sign-in/{secret}")
    return client


def sends(client: FlaskClient, path: str, seen: str = "/retention", **form: str) -> str:
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(seen).text)
    assert token is not None
    return client.post(path, data={"csrf_token": token[1], **form}, follow_redirects=True).text


def test_rule_that_deletes_at_once_is_asked_before(person: FlaskClient) -> None:
    assert "Kept for ever." in person.get("/retention").text
    shown = sends(person, "/retention/succeeded/preview", keep="30 days")
    assert "3 tasks" in shown
    asked = sends(person, "/retention/succeeded", keep="30 days", export="on")
    assert "Delete 3 tasks?" in asked
    assert "Kept for ever." in person.get("/retention").text
    sends(person, "/retention/succeeded", keep="30 days", export="on", sure="1")
    assert 'value="30 days"' in person.get("/retention").text


def test_rule_that_deletes_nothing_is_kept_at_once_and_a_wrong_one_comes_back(person: FlaskClient) -> None:
    sends(person, "/retention/failed", keep="1 day")
    assert 'value="1 day"' in person.get("/retention").text
    wrong = sends(person, "/retention/failed", keep="soon")
    assert 'value="soon"' in wrong
    assert "Write how long, such as 90 days" in wrong


def test_client_and_command_line_do_the_same(
    web: Flask, sqlite: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web_here(sqlite) as live, OpsCoreClient(live.url, live.token) as client:
        assert client.retention.preview("succeeded", "55 days").due["tasks"] == 1
        assert client.retention.set("failed", "1 week", export=False).keep == "7 days"
        with pytest.raises(InvalidRequest):
            client.retention.set("failed", "soon")
        monkeypatch.setenv("OPSCORE_URL", live.url)
        assert "for 7 days" in _opscore("retention", "show").stdout
        assert "It would delete 3 tasks" in _opscore("retention", "preview", "succeeded", "30 days").stdout
        refused = _opscore("retention", "set", "succeeded", "30 days", code=2).stderr
        assert "this deletes 3 tasks" in refused and "say --yes" in refused
        assert "are kept for 30 days" in _opscore("retention", "set", "succeeded", "30 days", "--yes").stdout
        assert "Deleted 3 tasks." in _opscore("retention", "prune", "--yes").stdout
        assert "The database had" in _opscore("retention", "compact").stdout
        assert "are kept for ever" in _opscore("retention", "set", "succeeded", "forever").stdout
    assert left(web) == 1


def _opscore(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(program, arguments, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result
