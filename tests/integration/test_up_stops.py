"""However bin/up ends, nothing stays behind, and what ran is run again."""

import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.started import Started, wait_until


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Started]:
    installation = Started(tmp_path / "data")
    yield installation
    installation.clean()


def tasks(installation: Started) -> list[tuple[str, int, int]]:
    """State, number of the newest run and losses of each task."""
    connection = sqlite3.connect(installation.data / "opscore.db")
    try:
        return connection.execute("SELECT state, run_number, losses FROM task ORDER BY number").fetchall()
    finally:
        connection.close()


def a_step_runs(installation: Started) -> bool:
    return "Write the plan" in installation.printed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_asked_to_stop_it_leaves_no_process_and_requeues_what_ran(
    installation: Started, number: signal.Signals
) -> None:
    installation.start()
    wait_until(lambda: a_step_runs(installation), "the sample runs", 60)

    assert installation.end(number) == 0

    assert installation.left() == []
    assert not (installation.data / "run" / "processes.json").exists()
    # A step that was short enough has finished; otherwise the task waits to be run again.
    assert tasks(installation) in ([("queued", 1, 0)], [("succeeded", 1, 0)])


def test_killed_it_leaves_no_process_and_the_next_start_finishes_what_ran(installation: Started) -> None:
    installation.start()
    wait_until(lambda: a_step_runs(installation), "the sample runs", 60)
    assert len(installation.left()) >= 10

    installation.end(signal.SIGKILL)

    # The kernel ends them; nobody has to start anything for that.
    wait_until(lambda: installation.left() == [], "all children have ended")
    assert tasks(installation) == [("running", 1, 0)]
    again = installation.run("up", "--once", "--port", str(installation.port))
    assert again.returncode == 0, again.stdout + again.stderr
    assert "goes back to the queue" in again.stdout
    # What is counted is deaths in a row: the task has gone on since.
    assert tasks(installation) == [("succeeded", 2, 0)]
    assert installation.left() == []


def test_asked_twice_it_does_not_wait_for_what_runs(installation: Started) -> None:
    installation.start()
    wait_until(lambda: a_step_runs(installation), "the sample runs", 60)

    assert installation.process is not None
    installation.process.send_signal(signal.SIGINT)
    wait_until(lambda: "Stopping" in installation.printed, "it says that it stops")
    installation.process.send_signal(signal.SIGINT)

    assert installation.process.wait(timeout=8) == 0
    assert installation.left() == []
    assert tasks(installation) == [("queued", 1, 0)]
