"""The database falls silent and answers again: a run outlives it, and a tool does not outlive its lease.

SQLite: another process holds the file's lock.  PostgreSQL: every process of the server is stopped.
How a server that crashes is survived: test_incident_database.py.
"""

import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psutil
import pytest
from pytest_celery import CeleryBrokerCluster
from sqlalchemy import select

import settings
from models import scope
from models.database import reading
from models.run import Run
from models.states import State
from tasks.control import one_task as control
from tests.conftest import migrate
from tests.support.processes import wait_until
from tests.support.workplace import AgentWanted, Workplace, plan
from worker.chaos.outside import lines_of
from worker.chaos.postgresql import OwnPostgresql

LEASE = {"OPSCORE_RUN_LEASE_S": "5"}
SILENT_S = 5.0
Silence = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(database_kind: str) -> Iterator[OwnPostgresql | None]:
    """A server that may be stopped, where PostgreSQL is asked for."""
    if database_kind == "sqlite":
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="opscore-pg-", dir="/tmp"))
    server = OwnPostgresql(folder)
    server.start()
    migrate(settings.Settings(database_url=server.url))
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def database_url(server: OwnPostgresql | None) -> str | None:
    return server.url if server is not None else None


@pytest.fixture(scope="module")
def ready(workplace: Workplace, celery_broker_cluster: CeleryBrokerCluster) -> Workplace:
    workplace.environment["OPSCORE_DRILL_LEDGER"] = str(workplace.logs / "ledger")
    workplace.start_worker(AgentWanted("patient", "1"))
    workplace.ready_worker(AgentWanted("brief", "2"), **LEASE)
    return workplace


@pytest.fixture
def silence(workplace: Workplace, server: OwnPostgresql | None) -> Silence:
    """The database answers nobody within its block."""
    if server is None:
        return lambda: locked(workplace.told.data_dir / "opscore.db")
    return lambda: stopped(server)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    connection = sqlite3.connect(file, isolation_level=None, timeout=60)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


@contextmanager
def stopped(server: OwnPostgresql) -> Iterator[None]:
    first = server._process
    assert first is not None
    whole = [psutil.Process(first.pid), *psutil.Process(first.pid).children(recursive=True)]
    for each in whole:
        each.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for each in whole:
            each.send_signal(signal.SIGCONT)


def noting(key: str, tool: str, sleep_s: float = 0) -> dict[str, object]:
    return {"name": key, "tool": f"drill.{tool}", "with": {"key": key, "sleep_s": sleep_s}}


def noted(workplace: Workplace, task_id: str) -> list[str]:
    lines = lines_of(Path(workplace.environment["OPSCORE_DRILL_LEDGER"]))
    return [each["key"] for each in lines if each["idempotency_key"].startswith(task_id)]


def test_run_goes_on_after_five_seconds_of_silence_and_does_each_step_once(ready: Workplace, silence: Silence) -> None:
    task_id = ready.submit(plan(noting("slow", "note_once", 2), noting("next", "note_once")), complexity=1)
    wait_until(lambda: noted(ready, task_id), 60, "the step's line")
    with silence():
        time.sleep(SILENT_S)
        assert noted(ready, task_id) == ["slow"]
    task = ready.succeeded(task_id)
    assert (task.run_number, task.losses, task.attempts) == (1, 0, 0)
    assert noted(ready, task_id) == ["slow", "next"]
    assert ready.kinds(task_id).count("task.succeeded") == 1


def test_silence_past_the_lease_ends_the_tool_and_its_process_and_the_task_is_done_by_another_run(
    ready: Workplace, silence: Silence
) -> None:
    steps = [noting("first", "note_once"), noting("slow", "note_idempotent", 600)]
    task_id = ready.submit(plan(*steps), complexity=2)
    wait_until(lambda: noted(ready, task_id) == ["first", "slow"], 60, "the second step's line")
    child = process_of(task_id)
    with silence():
        wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 60, "it has ended")
    wait_until(lambda: bool(ready.reconcile()) and noted(ready, task_id).count("slow") == 2, 60, "the next run")
    task = ready.task(task_id)
    assert (task.state, task.run_number, task.losses) == (State.RUNNING, 2, 1)
    assert ready.kinds(task_id).count("task.requeued") == 1
    assert noted(ready, task_id) == ["first", "slow", "slow"]
    with scope.acting("person:alice"):
        control.cancel(task_id)
    assert ready.ended(task_id).state == State.CANCELLED


def process_of(task_id: str) -> psutil.Process:
    with scope.acting("person:alice"), reading() as session:
        return psutil.Process(session.scalars(select(Run).where(Run.task_id == task_id)).one().pid)
