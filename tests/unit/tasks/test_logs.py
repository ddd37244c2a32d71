"""Logs are one event a line, and tell no secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from settings import Settings
from tasks import logs


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is logged, as JSON."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(Settings(log_format="json"), "test", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_line_carries_event_role_and_bound_ids(lines: io.StringIO) -> None:
    with logs.bind(task="t1", run=2):
        logs.logger("x").info("step.started", key="plan")
    line = json.loads(lines.getvalue())
    assert (line["event"], line["role"], line["task"], line["run"], line["key"]) == (
        "step.started",
        "test",
        "t1",
        2,
        "plan",
    )
    assert line["level"] == "info"


def test_ids_are_gone_after_their_block(lines: io.StringIO) -> None:
    with logs.bind(task="t1"):
        pass
    logs.logger("x").info("later")
    assert "task" not in json.loads(lines.getvalue())


@pytest.mark.parametrize(
    "name", ["token", "api_token", "password", "Authorization", "cookie", "apikey", "session_secret"]
)
def test_value_under_a_secrets_name_is_masked(lines: io.StringIO, name: str) -> None:
    logs.logger("x").info("seen", **{name: "hunter2"})
    assert "hunter2" not in lines.getvalue() and "***" in lines.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "redis://:hunter2hunter2@host:6379/0",
        "postgresql://opscore:hunter2hunter2@db/opscore",
        "Authorization: Bearer hunter2hunter2",
        "open http://127.0.0.1:8000/sign-in/hunter2hunter2",
    ],
)
def test_secret_inside_a_text_is_masked_in_our_lines_and_in_those_of_libraries(lines: io.StringIO, text: str) -> None:
    logs.logger("x").warning("cannot connect", error=text)
    logging.getLogger("library").warning("failed: %s", text)
    assert "hunter2" not in lines.getvalue()
    assert lines.getvalue().count("***") == 2
