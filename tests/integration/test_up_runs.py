"""While bin/up runs: children that die come back, and what cannot go well is refused with a sentence."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.started import Started, environment, wait_until
from worker.installation import doctor, health, record, status

NAMES = ("broker", "web", "scout", "builder", "reconciler", "flower")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    installation = Started(tmp_path_factory.mktemp("up") / "data")
    installation.start("--no-sample")
    yield installation
    installation.clean()


def test_every_process_is_shown_with_its_figures(running: Started) -> None:
    shown = status.processes(running.told)
    assert {each.name for each in shown} >= {"opscore", *NAMES}
    for each in shown:
        assert psutil.pid_exists(each.pid)
        assert each.memory_bytes > 0
        assert each.uptime_s >= 0


def test_the_address_signs_in_and_flower_answers_where_it_is_recorded(running: Started) -> None:
    wait_until(lambda: _answers(running.sign_in_address()), "the link signs in")
    now = record.read(running.told)
    assert now is not None
    wait_until(lambda: _answers(f"{now.flower_url}/healthcheck"), "Flower answers", 60)


def test_celery_reaches_the_agents_from_another_shell(running: Started) -> None:
    told = environment(OPSCORE_DATA_DIR=str(running.data))
    command = [sys.executable, "-m", "celery", "-A", "worker", "inspect", "active_queues", "--timeout", "5"]

    def both_answer() -> bool:
        done = subprocess.run(command, env=told, cwd=running.root, capture_output=True, text=True, check=False)
        return "scout@" in done.stdout and "builder@" in done.stdout

    wait_until(both_answer, "both agents answer", 60)


@pytest.mark.parametrize("name", NAMES)
def test_a_process_that_was_killed_is_started_again(running: Started, name: str) -> None:
    before = running.pid(name)
    assert before is not None
    below = psutil.Process(before).children(recursive=True)
    os.kill(before, signal.SIGKILL)

    wait_until(lambda: running.pid(name) not in (None, before), f"{name} is started again", 20)

    wait_until(lambda: not any(_is_alive(process) for process in below), "nothing of the old one is left", 10)
    assert f"{name} was ended by signal 9; starting it again." in running.printed
    if name == "web":
        wait_until(lambda: health.answers(running.told), "the pages answer", 60)


def test_the_doctor_finds_nothing_wrong_while_all_runs(running: Started) -> None:
    found = doctor.examine(running.told)
    wrong = [each for each in found if each.verdict is not doctor.Verdict.GOOD]
    assert wrong == []
    assert all(each.cure == "" for each in found)


def test_a_second_start_on_the_same_data_is_refused(running: Started) -> None:
    second = running.run("up", "--port", str(running.port))
    assert second.returncode == 2
    assert "OpsCore is already running on" in second.stderr
    assert str(running.pid("web")) not in second.stderr
    assert running.told.url in second.stderr


def test_a_taken_port_is_refused(running: Started, tmp_path: Path) -> None:
    other = Started(tmp_path / "other", port=running.port)
    refused = other.run("up", "--port", str(other.port))
    assert refused.returncode == 2
    assert f"cannot listen on 127.0.0.1:{running.port}: the port is taken" in refused.stderr
    assert not (other.data / "opscore.db").exists()


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return bool(response.status == 200)
    except urllib.error.URLError:
        return False
