"""A model's work, cut off at each step, goes on in the middle of the conversation and pays for nothing twice."""

import re
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import settings
from models.budget import BudgetKind
from models.states import State
from settings import PROJECT
from tasks.spending import budget_limits
from tests.support.language_models import configure
from tests.support.model_server import playing
from tests.support.workplace import Workplace
from worker.chaos.outside import lines_of

ON_EITHER = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True
)
PAID = ("model.after_call", "step.after_call", "step.before_finish")
"""Points at which the answer was given, and not yet kept."""
POINTS = {
    "model": ("step.after_finish", "model.after_call", "step.before_start", "step.before_finish", "model.before_call"),
    "fallback": ("model.after_call", "step.after_finish"),
    "tool": ("step.after_call", "step.before_start", "step.after_start", "step.after_finish", "step.before_finish"),
    "own": ("step.after_finish", "step.before_start"),
}


@pytest.fixture
def place(
    database: settings.Settings, app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workplace]:
    """A workplace without a process."""
    monkeypatch.setenv("OPSCORE_DRILL_LEDGER", str(tmp_path / "ledger"))
    settings.load.cache_clear()
    yield Workplace(settings.load(), {}, app, tmp_path)


def note(key: str, *, once: bool = False) -> dict[str, Any]:
    if once:
        return {"name": "drill.note_once", "arguments": {"key": key}}
    return {"name": "drill.note_idempotent", "arguments": {"key": key, "path": f"output/{key}.txt", "lines": 5}}


def script() -> dict[str, Any]:
    """Ten calls of tools; a fallback after 503, a malformed call, two calls in one answer, a stream that breaks."""
    small = {"when": {"model": "small"}}
    broken = {"text": "half of what I", "break_after": 2, **small}
    turns = [
        [{"status": 503, **small}, {"tool_calls": [note("a")]}],
        {"tool_calls": [{"name": "drill.note_once", "arguments": '{"key": '}]},
        {"tool_calls": [note("b", once=True), note("c")]},
        [broken, {"tool_calls": [note("d", once=True)]}],
        *({"text": f"Now {key}.", "tool_calls": [note(key, once=key in "fi")]} for key in "efghi"),
        {"tool_calls": [{"name": "stage.enter", "arguments": {"stage": "test"}}, note("j")]},
        {"text": "All ten are there."},
    ]
    return {"turns": turns}


def steps() -> list[str]:
    """Each step with another point at which its process dies."""
    kinds = {
        "m1": "fallback",
        "m1.1": "tool",
        "m2": "model",
        "m2.1": "own",
        "m3": "model",
        "m3.1": "tool",
        "m3.2": "tool",
    }
    kinds |= {"m4": "fallback", "m4.1": "tool"}
    for number in range(5, 10):
        kinds |= {f"m{number}": "model", f"m{number}.1": "tool"}
    kinds |= {"m10": "model", "m10.1": "own", "m10.2": "tool", "m11": "model"}
    points = {kind: cycle(found) for kind, found in POINTS.items()}
    return [f"{key}/{kind}/{next(points[kind])}" for key, kind in kinds.items()]


def work(*planned: str) -> dict[str, list[int]]:
    """Work until nothing is open; returns by step how the processes ended that were to die there."""
    command = [sys.executable, "-m", "tests.support.dying_mind", *planned]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    ends: dict[str, list[int]] = defaultdict(list)
    for key, code in re.findall(r"^(\S+) (-?\d+)$", done.stdout, re.MULTILINE):
        ends[key].append(int(code))
    return ends


@ON_EITHER
def test_no_answer_that_was_kept_is_asked_for_again_and_no_once_effect_happens_twice(
    place: Workplace, tmp_path: Path
) -> None:
    planned = steps()
    with playing(script()) as server:
        configure(server.url, "small", "large")
        order = {
            "description": "Note ten things.",
            "tools": ["drill.note_once", "drill.note_idempotent"],
            "complexity": 1,
        }
        task_id = place.submit(promises=[f"output/{key}.txt" for key in "acegj"], budget={"tokens": 10**7}, **order)
        ends = work(*planned)
        entries = server.journal.entries()
    task = place.task(task_id)
    assert task.state == State.SUCCEEDED, f"{task.error_message}: {place.kinds(task_id)[-5:]}"
    cut = {key: point for key, _, point in (each.split("/") for each in planned)}
    assert {key for key, codes in ends.items() if -signal.SIGKILL in codes} == set(cut)

    answered = Counter(each["turn"] + 1 for each in entries if each["outcome"] == "whole")
    assert answered == {number: 2 if cut[f"m{number}"] in PAID else 1 for number in range(1, 12)}, (
        "once; twice where the process died between the answer and its keeping"
    )

    called = Counter(line["key"] for line in lines_of(tmp_path / "ledger"))
    assert set(called) == set("abcdefghij")
    assert [called[key] for key in "bdfi"] == [1, 1, 1, 1], "a `once` effect twice"
    files = place.files(task_id)
    assert {path: text.count(b"\n") for path, text in files.items()} == {f"output/{key}.txt": 5 for key in "aceghj"}

    served = sum(each["usage"]["total_tokens"] for each in entries if each["usage"])
    spent = budget_limits.show(BudgetKind.TASK, task_id)
    assert spent.tokens.reserved == 0 and spent.tokens.used >= served, "nothing that was paid for is free"
    assert spent.calls.used >= len(entries)
