"""The error tree: stable codes, and messages that say what could not be done."""

import ast
import pickle
from pathlib import Path

import pytest

from models import errors
from models.errors import Conflict, InvalidInput, OpsCoreError, ToolFailed

PROJECT = Path(__file__).resolve().parents[3]
KINDS = [*OpsCoreError.__subclasses__(), *ToolFailed.__subclasses__()]
FLOORS = ("models", "tools", "tasks", "worker", "webapp")


def test_codes_are_those_that_programs_match_on() -> None:
    assert {kind.__name__: kind.code for kind in KINDS} == {
        "InvalidInput": "invalid_input",
        "Forbidden": "forbidden",
        "NotFound": "not_found",
        "Conflict": "conflict",
        "ToolFailed": "tool_failed",
        "SandboxUnavailable": "sandbox_unavailable",
        "Misconfigured": "misconfigured",
        "BudgetExceeded": "budget_exceeded",
        "ServiceUnavailable": "service_unavailable",
    }


def test_tree_at_the_top_names_every_kind_and_its_code() -> None:
    for kind in KINDS:
        assert f"{kind.__name__} " in (errors.__doc__ or "")
        assert f" {kind.code} " in (errors.__doc__ or "")


def test_only_a_broken_tool_or_service_is_worth_repeating_by_itself() -> None:
    assert [kind.__name__ for kind in KINDS if kind.transient] == ["ToolFailed", "ServiceUnavailable"]


def test_one_error_can_be_told_to_be_worth_repeating_or_not() -> None:
    assert Conflict("cannot claim", transient=True).transient
    assert not ToolFailed("cannot fetch", transient=False).transient
    assert not Conflict.transient


def test_message_and_details_are_apart_and_shown_together() -> None:
    error = Conflict("cannot cancel task", task_id="t1", state="failed")
    assert (error.message, error.details) == ("cannot cancel task", {"task_id": "t1", "state": "failed"})
    assert str(error) == "cannot cancel task (task_id=t1, state=failed)"
    assert str(Conflict("cannot cancel task")) == "cannot cancel task"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_error_survives_the_way_between_processes(kind: type[OpsCoreError]) -> None:
    sent = kind("cannot do it", transient=True, task_id="t1")
    got = pickle.loads(pickle.dumps(sent))
    assert type(got) is kind
    assert (got.message, got.details, got.transient) == ("cannot do it", {"task_id": "t1"}, True)


def test_problems_survive_as_well() -> None:
    problems = [errors.Problem(path="steps[0].tool", message="is unknown", line=3)]
    assert pickle.loads(pickle.dumps(InvalidInput("cannot use it", problems=problems))).problems == problems


def test_every_message_in_the_code_begins_with_cannot() -> None:
    names = {kind.__name__ for kind in KINDS}
    wrong = [
        f"{path.relative_to(PROJECT)}:{call.lineno} {text}"
        for floor in FLOORS
        for path in (PROJECT / floor).rglob("*.py")
        for call, text in _messages(path, names)
        if not text.startswith("cannot ")
    ]
    assert wrong == []


def _messages(path: Path, names: set[str]) -> list[tuple[ast.Call, str]]:
    """The calls in a file that make one of the errors, with the literal beginning of their message."""
    found = []
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in names and call.args:
            first = call.args[0].values[0] if isinstance(call.args[0], ast.JoinedStr) else call.args[0]
            if isinstance(first, ast.Constant):
                found.append((call, str(first.value)))
    return found


def test_errors_know_no_database() -> None:
    assert "sqlalchemy" not in Path(errors.__file__).read_text(encoding="utf-8").replace("SQLAlchemy", "").lower()
