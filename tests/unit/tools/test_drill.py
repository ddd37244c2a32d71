"""The tools of exercises: a line outside, lines in the workspace, and nothing where no ledger was named."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import settings
from models.errors import InvalidInput
from tools.contract import Context, Effect, Limits
from tools.registry import find
from tools.workspace import Workspace


@pytest.fixture
def context(tmp_path: Path) -> Context:
    workspace = Workspace.create(tmp_path / "workspaces", "here", "read me")
    sandbox: Any = None  # they need none
    return Context(workspace, sandbox, Limits(), tmp_path, idempotency_key="task/1/note")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("OPSCORE_DRILL_LEDGER", str(tmp_path / "ledger"))
    settings.load.cache_clear()
    yield tmp_path / "ledger"
    settings.load.cache_clear()


def run(name: str, context: Context, **arguments: Any) -> int | None:
    tool = find(name)
    return tool.run(tool.parse(arguments), context).exit_code


def lines(ledger: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ledger.read_text().splitlines()] if ledger.exists() else []


@pytest.mark.parametrize("effect", list(Effect))
def test_a_call_is_one_line_of_the_ledger(ledger: Path, context: Context, effect: Effect) -> None:
    assert run(f"drill.note_{effect}", context, key="a") == 0
    [line] = lines(ledger)
    assert (line["key"], line["effect"], line["idempotency_key"]) == ("a", effect, "task/1/note")
    assert line["pid"] == os.getpid()


def test_its_lines_are_added_to_a_file_of_the_workspace(ledger: Path, context: Context) -> None:
    run("drill.note_idempotent", context, key="a", path="output/log.txt", lines=3)
    run("drill.note_once", context, key="b", path="output/log.txt")
    assert context.workspace.read_bytes("output/log.txt", 1000).decode() == "a 1\na 2\na 3\nb 1\n"


def test_a_call_that_was_cancelled_before_it_began_goes_nowhere(ledger: Path, context: Context) -> None:
    assert run("drill.note_once", replace(context, is_cancelled=lambda: True), key="a") is None
    assert lines(ledger) == []


def test_a_call_that_is_cancelled_while_it_waits_ends_at_once(ledger: Path, context: Context) -> None:
    asked = iter([False, False, True])
    assert run("drill.note_pure", replace(context, is_cancelled=lambda: next(asked)), key="a", sleep_s=3600) is None


def test_without_a_ledger_it_says_which_setting_names_one(context: Context) -> None:
    settings.load.cache_clear()
    with pytest.raises(InvalidInput, match="OPSCORE_DRILL_LEDGER"):
        run("drill.note_once", context, key="a")
