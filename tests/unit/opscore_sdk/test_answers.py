"""Answers become dataclasses, refusals become errors; what a newer server adds is no mistake."""

from datetime import UTC, datetime

import pytest

from opscore_sdk import exceptions
from opscore_sdk.exceptions import ApiError, error_of
from opscore_sdk.models import Event, Problem, Task

TASK = {"id": "1", "title": "t", "state": "running", "stage": "build", "complexity": 3}


def test_times_are_aware_and_unknown_fields_are_kept_aside() -> None:
    task = Task.read({**TASK, "submitted_at": "2026-11-21T03:00:00.5Z", "colour": "blue"})
    assert task.submitted_at == datetime(2026, 11, 21, 3, 0, 0, 500_000, UTC)
    assert task.raw["colour"] == "blue"


@pytest.mark.parametrize(
    ("state", "ended", "succeeded"), [("running", False, False), ("failed", True, False), ("succeeded", True, True)]
)
def test_a_task_knows_whether_it_has_ended(state: str, ended: bool, succeeded: bool) -> None:
    task = Task.read({**TASK, "state": state})
    assert (task.has_ended, task.has_succeeded) == (ended, succeeded)


@pytest.mark.parametrize(("kind", "is_end"), [("task.failed", True), ("task.requeued", False), ("step.failed", False)])
def test_an_event_knows_whether_the_task_ends_with_it(kind: str, is_end: bool) -> None:
    assert Event(number=1, kind=kind).is_end is is_end


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, exceptions.Unauthorized),
        (403, exceptions.Forbidden),
        (404, exceptions.NotFound),
        (409, exceptions.Conflict),
        (413, exceptions.InvalidRequest),
        (422, exceptions.InvalidRequest),
        (418, ApiError),
        (500, exceptions.ServerFailed),
        (503, exceptions.ServerFailed),
    ],
)
def test_every_status_has_its_error(status: int, kind: type[ApiError]) -> None:
    error = error_of(status, {"code": "some_code", "detail": "cannot do it", "known": ["a"]})
    assert (type(error), error.status, error.code) == (kind, status, "some_code")
    assert error.facts == {"known": ["a"]}


def test_an_error_says_each_problem_with_its_place() -> None:
    document = {"detail": "cannot submit", "problems": [{"path": "steps[0]", "message": "is wrong", "line": 3}]}
    error = error_of(422, document)
    assert error.problems == [Problem(path="steps[0]", message="is wrong", line=3)]
    assert str(error) == "cannot submit; steps[0], line 3: is wrong"


def test_an_answer_that_is_no_document_is_an_error_all_the_same() -> None:
    assert str(error_of(502, {})) == "HTTP status 502"
