"""What a step came to, and the one line that says why it failed."""

import json

import pytest

from models.errors import InvalidInput, SandboxUnavailable
from models.step import StepState
from tasks.runs.outcome import TOO_DEEP, clean, first_error, of_error, of_result
from tasks.runs.steps import GivenUp
from tools.contract import Captured, Resources, ToolResult
from tools.limits import tightest

QUICK = tightest([("task", {"wall": 90})])
TRACEBACK = """Traceback (most recent call last):
  File "/workspace/src/a.py", line 3, in <module>
    main()
ValueError: the table has no rows
"""


@pytest.mark.parametrize(
    ("stderr", "line"),
    [
        ("warming up\nerror: no rows in a.csv\nerror: second\n", "no rows in a.csv"),
        ("ERROR: loud\n", "loud"),
        (TRACEBACK, "ValueError: the table has no rows"),
        (TRACEBACK + "\nDuring handling of the above exception, another exception occurred:\n\n" + TRACEBACK.replace(
            "ValueError: the table has no rows", "pandas.errors.EmptyDataError: No columns"
        ), "pandas.errors.EmptyDataError: No columns"),
        ("cat: x: No such file or directory\n\n", "cat: x: No such file or directory"),
        ("", "ended with exit code 3"),
    ],
)  # fmt: skip
def test_reason_is_the_line_that_a_person_would_point_at(stderr: str, line: str) -> None:
    assert first_error(3, stderr) == line


def test_limit_is_the_reason_before_anything_that_was_printed() -> None:
    printed = Captured(head=b"error: interrupted", total_bytes=18)
    outcome = of_result(ToolResult(exit_code=124, stderr=printed, hit="wall_s"), QUICK)
    assert (
        outcome.error_message
        == "Time limit reached: 90 s, set by the task; hand the task in again with a higher limit wall"
    )
    assert outcome.told()["limit"] == {"name": "wall", "value": 90, "set_by": ["task"]}


def test_killed_processes_are_told() -> None:
    assert of_result(ToolResult(resources=Resources(processes_killed=2)), QUICK).told()["killed"] == 2
    assert "killed" not in of_result(ToolResult(), QUICK).told()


def test_good_result_keeps_its_output_and_figures() -> None:
    result = ToolResult(
        exit_code=0,
        stdout=Captured(head=b"done", total_bytes=4),
        output={"rows": 3, "stdout": "done"},
        resources=Resources(wall_s=1.5),
    )
    outcome = of_result(result, QUICK)
    assert (outcome.state, outcome.stdout, outcome.output) == (StepState.SUCCEEDED, "done", {"rows": 3})
    assert (outcome.resources["wall_s"], outcome.resources["stdout_bytes"]) == (1.5, 4)
    assert outcome.error_code is None


def test_limit_that_was_hit_fails_even_with_exit_code_zero() -> None:
    outcome = of_result(ToolResult(exit_code=0, hit="output_bytes"), QUICK)
    assert (outcome.state, outcome.error_code) == (StepState.FAILED, "output_bytes")


def test_error_tells_its_problems() -> None:
    error = InvalidInput("cannot use these arguments", problems=[{"path": "path", "message": "is missing"}])
    assert of_error(error).error_message == "cannot use these arguments: path is missing"
    assert of_error(SandboxUnavailable("cannot isolate")).error_code == "sandbox_unavailable"


def test_what_databases_refuse_is_replaced() -> None:
    assert clean({"a\0": ["x\0y", "\ud800"]}) == {"a\ufffd": ["x\ufffdy", "?"]}


def test_halves_of_a_character_that_meet_again_are_one() -> None:
    assert clean("a\ud83d" + "\ude00\ud83d b") == "a\U0001f600? b"


def test_what_is_nested_too_deeply_to_be_json_is_left_out() -> None:
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    assert TOO_DEEP in json.dumps(clean({"deep": deep}))


def test_end_without_success_is_told_in_what_databases_keep() -> None:
    end = GivenUp("gave_up", "cannot finish: a\0b\ud800", step="m1\0")
    assert (end.message, end.told) == ("cannot finish: a\ufffdb?", {"step": "m1\ufffd"})
