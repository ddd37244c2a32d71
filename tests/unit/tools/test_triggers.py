"""Points at which a process can be cut off: what the variable says is done there, and nothing without it."""

import ast
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from models.errors import Misconfigured
from settings import PROJECT
from tools import triggers

PASS_THREE_TIMES = """
from tools import triggers
for number in range(1, 4):
    triggers.at("step.after_call")
    print(number, flush=True)
"""


def run(wanted: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, triggers.VARIABLE: wanted}
    command = [sys.executable, "-c", PASS_THREE_TIMES]
    return subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_a_point_that_nobody_names_does_nothing() -> None:
    ended = run("step.after_finish=kill")
    assert (ended.returncode, ended.stdout.split()) == (0, ["1", "2", "3"])


def test_a_process_is_killed_at_the_point_the_time_that_was_asked_for() -> None:
    first, third = run("step.after_call=kill"), run("step.after_call=kill@3")
    assert (first.returncode, first.stdout.split()) == (-signal.SIGKILL, [])
    assert (third.returncode, third.stdout.split()) == (-signal.SIGKILL, ["1", "2"])


def test_a_paused_process_goes_on_when_its_file_is_gone(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    found = triggers.Triggers({"step.after_call": f"pause:{gate}"})
    paused = threading.Thread(target=found.reach, args=["step.after_call"])
    paused.start()
    while not (gate.exists() and gate.read_text()):
        pass
    assert gate.read_text() == str(os.getpid())
    gate.unlink()
    paused.join(timeout=30)
    assert not paused.is_alive()


@pytest.mark.parametrize("wrong", ["step.after_cal=kill", "step.after_call=end", "step.after_call=kill@x"])
def test_what_makes_no_sense_is_refused(wrong: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        triggers.parse(wrong)
    assert caught.value.details["problems"]


def test_every_point_is_in_the_code_and_listed() -> None:
    found = set()
    for floor in ("models", "tools", "tasks", "worker"):
        for path in (PROJECT / floor).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "triggers.at":
                    found.add(ast.literal_eval(node.args[0]))
    assert found == triggers.POINTS
