"""A database that cannot be used is said with its cause, and with nothing that it told about itself."""

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from settings import Settings
from webapp import create_app, problems


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("database or disk is full", "disk is full"),
        ("could not extend file: No space left on device", "disk is full"),
        ("database is locked", "locked"),
        ("connection to server at 10.1.2.3 failed", "does not answer"),
    ],
)
def test_cause_is_named_and_a_write_is_said_to_be_in_doubt(said: str, cause: str, app: Flask) -> None:
    error = OperationalError("UPDATE secret", {}, Exception(said))
    with app.test_request_context("/tasks", method="GET"):
        page = problems._of_database(error)
    text = page.get_data(as_text=True)
    assert (page.status_code, cause in text, "not known" in text) == (503, True, False)
    with app.test_request_context("/v1/tasks", method="POST"):
        answer = problems._of_database(error)
    assert answer.json is not None
    said = answer.json["detail"]
    assert (answer.json["code"], cause in said, "not known" in said) == ("unavailable", True, True)
    assert all(word not in text + said for word in ("10.1.2.3", "secret"))


@pytest.fixture
def app(told: Settings) -> Flask:
    return create_app(told)
