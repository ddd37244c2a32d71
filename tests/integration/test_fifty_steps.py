"""A task of fifty steps, cut off at each of them and in the middle of its writes, repeats what was cut and no more."""

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
from models.states import State
from settings import PROJECT
from tests.support.dying import ONCE_EVERY
from tests.support.workplace import Workplace
from worker.chaos.outside import lines_of

STEPS = 50
LINES = 40
EDGES = ("claim.before_commit", "claim.after_commit", "write.before_commit", "task.before_end", "task.after_end")
ON_EITHER = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True
)
IN_A_WRITER = (
    "step.before_start",
    "step.after_start",
    "step.in_the_middle",
    "step.after_call",
    "snapshot.in_the_middle",
    "step.before_finish",
    "step.after_finish",
)
IN_ANOTHER = ("step.after_start", "step.after_call", "step.before_start")
"""A step that must not be done twice writes nothing into the workspace."""


@pytest.fixture
def place(
    database: settings.Settings, app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workplace]:
    """A workplace without a process."""
    monkeypatch.setenv("OPSCORE_DRILL_LEDGER", str(tmp_path / "ledger"))
    settings.load.cache_clear()
    yield Workplace(settings.load(), {}, app, tmp_path)


def fifty() -> dict[str, Any]:
    """Every fifth step must not be done twice; the others write what they did to two files."""
    return {"name": "fifty", "complexity": 1, "steps": [_step(number) for number in range(1, STEPS + 1)]}


def _step(number: int) -> dict[str, Any]:
    key, stage = f"s{number}", ("design", "build", "test", "review")[number * 4 // (STEPS + 1)]
    if number % ONCE_EVERY == 0:
        return {"name": key, "stage": stage, "tool": "drill.note_once", "with": {"key": key}}
    path = "output/log.txt" if number % 2 else f"output/{number}.txt"
    return {
        "name": key,
        "stage": stage,
        "tool": "drill.note_idempotent",
        "with": {"key": key, "path": path, "lines": LINES},
    }


def work(*points: str) -> dict[int, list[int]]:
    """Work until nothing is open; returns by step how the processes ended that were to die there (0: nowhere)."""
    command = [sys.executable, "-m", "tests.support.dying", *points]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    ends: dict[int, list[int]] = defaultdict(list)
    for line in re.findall(r"^(\d+) (-?\d+)$", done.stdout, re.MULTILINE):
        ends[int(line[0])].append(int(line[1]))
    return ends


def cuts() -> list[str]:
    """Another point at each step."""
    in_writers, in_others = cycle(IN_A_WRITER), cycle(IN_ANOTHER)
    return [next(in_others if number % ONCE_EVERY == 0 else in_writers) for number in range(1, STEPS + 1)]


def calls(ledger: Path, task: str) -> Counter[str]:
    """How often each step's tool was called."""
    return Counter(line["key"] for line in lines_of(ledger) if line["idempotency_key"].startswith(f"{task}/"))


@ON_EITHER
def test_fifty_steps_cut_off_at_each_end_as_if_nothing_had_been(place: Workplace, tmp_path: Path) -> None:
    undisturbed = place.submit(fifty())
    work()
    cut = place.submit(fifty())
    ends = work(*cuts())
    task, called = place.task(cut), calls(tmp_path / "ledger", cut)
    assert task.state == State.SUCCEEDED, f"{task.error_message}: {place.kinds(cut)[-5:]}"
    assert {step for step, codes in ends.items() if -signal.SIGKILL in codes} == set(range(1, STEPS + 1))
    assert set(called) == {f"s{number}" for number in range(1, STEPS + 1)}
    assert max(called.values()) == 2, f"only the step that was cut is repeated: {called}"
    assert not [key for key, times in called.items() if times > 1 and int(key[1:]) % ONCE_EVERY == 0], (
        "a `once` effect twice"
    )
    assert place.files(cut) == place.files(undisturbed)
    assert set(calls(tmp_path / "ledger", undisturbed).values()) == {1}


@ON_EITHER
@pytest.mark.parametrize("point", EDGES)
def test_a_task_cut_off_at_its_begin_or_end_ends_once(place: Workplace, tmp_path: Path, point: str) -> None:
    task = place.submit({"name": "short", "complexity": 1, "steps": [_step(1)]})
    assert work(point)[1][0] == -signal.SIGKILL
    assert place.kinds(task).count("task.succeeded") == 1
    assert calls(tmp_path / "ledger", task)["s1"] == (2 if point == "task.before_end" else 1)
