"""Outside services as people and programs see them: the page, the API, the Python client, the command line."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient

from models import scope
from models.database import db, writing
from models.sign_in import new_link
from opscore_sdk import NotFound, OpsCoreClient
from settings import Settings
from tests.support import factories
from tests.support.web import Api, web_here
from webapp import create_app
from worker.command_line.program import program

AWAY, PACED, SHAKY = "web:away.example:8443", "git:paced.example", "packages:shaky.example"


def some_services() -> None:
    with scope.acting("agent:scout"), writing() as session:
        factories.some_services(session)


@pytest.fixture(autouse=True)
def rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.runs.services.written_rate", lambda rates, name: "1/s" if name == PACED else None)


def test_services_are_listed_those_that_are_left_alone_first(api: Api) -> None:
    some_services()
    found = api.ask("GET", "/v1/services").json["services"]
    assert [(each["name"], each["circuit"], each["failures"], each["rate"]) for each in found] == [
        (AWAY, "open", 5, None),
        (SHAKY, "closed", 1, None),
        (PACED, "closed", 0, "1/s"),
    ]
    assert found[0]["last_error"] == "no answer in time"
    assert found[0]["open_until"] > found[0]["failed_at"]


def test_service_is_called_again_when_a_person_says_so(api: Api) -> None:
    some_services()
    answer = api.ask("POST", f"/v1/services/{AWAY}/reset", json={})
    assert (answer.status_code, answer.json["circuit"], answer.json["failures"]) == (200, "closed", 0)
    assert api.ask("POST", "/v1/services/web:other.example/reset", json={}).status_code == 404


@pytest.fixture
def browser(sqlite: Settings) -> Iterator[FlaskClient]:
    """A browser that is signed in."""
    app = create_app(sqlite)
    browser = app.test_client()
    with app.app_context(), scope.acting("person:local"), writing() as session:
        secret = new_link(session)
    sends(browser, f"/sign-in/{secret}", f"/sign-in/{secret}")
    yield browser
    with app.app_context():
        db.engine.dispose()


def sends(browser: FlaskClient, path: str, seen: str) -> Any:
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(seen).text)
    assert token is not None
    return browser.post(path, data={"csrf_token": token[1]}, follow_redirects=True)


def test_page_says_what_is_left_alone_and_asks_before_it_calls_it_again(browser: FlaskClient) -> None:
    assert "All is well outside" in browser.get("/services").text
    with browser.application.app_context():
        some_services()
    assert "1 outside service is left alone" in browser.get("/agents").text
    page = browser.get("/services").text
    assert page.index(AWAY) < page.index(SHAKY) < page.index(PACED)
    assert "after 5 failures in a row" in page
    assert "No answer in time." in page
    asked = browser.get(f"/services/{AWAY}/reset").text
    assert f"Call {AWAY} again?" in asked
    done = sends(browser, f"/services/{AWAY}/reset", f"/services/{AWAY}/reset")
    assert f"{AWAY} is called again." in done.text
    assert "Left alone</span>" not in browser.get("/services").text
    assert browser.get("/services/web:other.example/reset").status_code == 404


def test_client_and_command_line_do_the_same(
    web: Flask, database: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_services()
    with web_here(database) as live, OpsCoreClient(live.url, live.token) as client:
        assert [each.name for each in client.services()] == [AWAY, SHAKY, PACED]
        assert client.services()[0].open_until is not None
        monkeypatch.setenv("OPSCORE_URL", live.url)
        monkeypatch.setenv("COLUMNS", "200")
        listed = opscore("service", "list").stdout
        assert re.search(rf"{AWAY} +left alone +[0-9:]+ UTC +5 .*no answer in time", listed), listed
        assert "is called again" in opscore("service", "reset", AWAY, "--yes").stdout
        assert client.services()[0].circuit == "closed"
        with pytest.raises(NotFound):
            client.reset_service("web:other.example")
        assert "nothing is known of it" in opscore("service", "reset", "web:other.example", "--yes", code=4).stderr


def opscore(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(program, arguments, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result
