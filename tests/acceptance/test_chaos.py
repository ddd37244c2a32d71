"""The chaos run itself, a short one: everything that is killed comes back, and nothing is lost or done twice."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from settings import PROJECT
from tests.support.started import environment, wait_until

EVERY_KIND = ("child", "worker", "reconciler", "web", "broker", "connection")
"""What comes back within seconds; the long run has the others too."""
AT_A_TIME = "recovered after "
"""How a violation of the time begins.  It is the long run's to judge, alone on its machine."""


def chaos(temporary: Path, *options: str) -> "subprocess.Popen[str]":
    told = environment(TMPDIR=str(temporary))
    command = [PROJECT / "bin" / "opscore", "chaos", "--json", *options]
    return subprocess.Popen(command, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def findings(temporary: Path, *options: str, kinds: tuple[str, ...]) -> dict[str, Any]:
    only = [part for kind in kinds for part in ("--only", kind)]
    process = chaos(temporary, *options, *only)
    printed, errors = process.communicate(timeout=280)
    assert printed, errors
    found: dict[str, Any] = json.loads(printed)
    assert [each for each in found["violations"] if not each.startswith(AT_A_TIME)] == [], errors
    assert process.returncode == bool(found["violations"])
    return found


def test_a_short_run_loses_nothing(tmp_path: Path) -> None:
    found = findings(tmp_path, "--tasks", "40", "--minutes", "0.25", "--seed", "1", kinds=EVERY_KIND)
    assert found["accepted"] == found["succeeded"] == 40
    assert found["lost"] == found["finished_twice"] == found["once_doubled"] == 0
    assert set(found["kills"]) == set(EVERY_KIND)


@pytest.mark.long
def test_a_killed_postgresql_loses_nothing(tmp_path: Path) -> None:
    options = ("--tasks", "15", "--minutes", "0.1", "--seed", "2", "--database", "postgresql")
    found = findings(tmp_path, *options, kinds=("database", "child"))
    assert found["kills"]["database"] >= 1
    assert found["succeeded"] == 15


def test_who_interrupts_a_run_leaves_nothing_behind(tmp_path: Path) -> None:
    process = chaos(tmp_path, "--tasks", "100", "--minutes", "5")
    wait_until(lambda: any(tmp_path.glob("opscore-chaos-*/data/logs/scout.log")), "its agents begin", 120)
    below = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []
    _, left = psutil.wait_procs(below, timeout=30)
    assert [each for each in left if each.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_five_minutes_of_killing_everything_lose_nothing(tmp_path: Path, database: str) -> None:
    process = chaos(tmp_path, "--database", database)
    printed, errors = process.communicate(timeout=1700)
    assert process.returncode == 0, f"{printed}\n{errors}"
