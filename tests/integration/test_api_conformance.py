"""The API keeps to its own OpenAPI document, whatever it is sent; nothing makes it fail with a 500."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from models import scope
from models.database import db, writing
from models.states import State
from settings import PROJECT, Settings
from tests.support.factories import every_state
from tests.support.web import Api, live_web
from webapp import create_app

DOCUMENT = json.loads((PROJECT / "docs" / "reference" / "openapi.json").read_text(encoding="utf-8"))
OPERATIONS = [(method, path) for path, item in DOCUMENT["paths"].items() for method in item if method != "parameters"]

TOO_LONG = 414
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


@pytest.fixture
def web(sqlite: Settings) -> Iterator[Flask]:
    """The web application on a database with a task in every state."""
    app = create_app(sqlite)
    with app.app_context():
        with scope.acting("person:alice"), writing() as session:
            every_state(session)
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.mark.parametrize("times", [8, pytest.param(40, marks=pytest.mark.long)])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
def test_every_answer_is_as_the_document_says(
    web: Flask, sqlite: Settings, tmp_path: Path, mode: GenerationMode, times: int
) -> None:
    with live_web(sqlite, tmp_path / "web.log") as live:
        document = schemathesis.openapi.from_url(f"{live.url}/openapi.json")
        for method, path in OPERATIONS:
            ask_many(document[path][method], mode, live.token, times)
        assert live.answers()
    assert "Traceback" not in (tmp_path / "web.log").read_text(encoding="utf-8")


def ask_many(operation: schemathesis.APIOperation, mode: GenerationMode, token: str, times: int) -> None:
    """Send so many made-up requests, right ones or wrong ones, and compare every answer with the document."""

    @settings(
        max_examples=times, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        # The token is right; wrong ones: test_api.py.  A stream would stay open; those: test_streams.py.
        for name in [name for name in case.headers if name.lower() in ("last-event-id", "accept", "authorization")]:
            del case.headers[name]
        answer = case.call(headers={"Authorization": f"Bearer {token}"}, timeout=20)
        if answer.status_code != TOO_LONG:  # gunicorn's own, before any of our code
            case.validate_response(answer, checks=list(CHECKS))

    # A kind of wrong request may not exist for a call without arguments.
    with contextlib.suppress(Unsatisfiable):
        check()


def test_the_document_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    for shape in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(shape)


def test_every_answer_of_a_task_in_any_state_has_its_shape(web: Flask, sqlite: Settings) -> None:
    api = Api(web.test_client(), sqlite.token)
    shapes = {"$defs": DOCUMENT["components"]["schemas"]}
    text = json.dumps(shapes).replace("#/components/schemas/", "#/$defs/")
    for state in State:
        listed = api.ask("GET", f"/v1/tasks?state={state}").json["tasks"]
        shown = api.ask("GET", f"/v1/tasks/{listed[0]['id']}").json
        Draft202012Validator({**json.loads(text), "$ref": "#/$defs/TaskDetail"}).validate(shown)
