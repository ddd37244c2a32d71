"""Every signal to a worker and to its children while a step runs: docs/explanation/incidents.md says what happens."""

import signal
from pathlib import Path

import psutil
import pytest
from pytest_celery import CeleryBrokerCluster, CeleryTestWorker
from sqlalchemy import select

from models import scope
from models.agent import Worker
from models.database import reading
from models.run import Run
from models.states import State
from tasks.control import one_task as control
from tests.support.processes import wait_until
from tests.support.workplace import AgentWanted, Workplace, plan
from worker.chaos.outside import lines_of

SIGNALS = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP")
RUNS_AFTER_ONE_TO_THE_CHILD = {"SIGTERM": 2, "SIGINT": 1, "SIGQUIT": 2, "SIGHUP": 2}
LEVEL_OF_PARENT = dict(zip(SIGNALS, (1, 2, 3, 4), strict=True))
LEVEL_OF_CHILDREN = 5


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def ready(workplace: Workplace, celery_broker_cluster: CeleryBrokerCluster) -> Workplace:
    workplace.environment["OPSCORE_DRILL_LEDGER"] = str(workplace.logs / "ledger")
    return workplace


def three_steps() -> dict[str, object]:
    """The middle one takes a while; begun from anything but the last snapshot, its file would have more lines."""
    slow = {"key": "slow", "path": "output/log.txt", "lines": 2, "sleep_s": 3}
    return plan(
        {"name": "first", "tool": "drill.note_once", "with": {"key": "first"}},
        {"name": "slow", "tool": "drill.note_idempotent", "with": slow},
        {"name": "last", "tool": "drill.note_once", "with": {"key": "last"}},
    )


def noted(workplace: Workplace, task_id: str) -> list[str]:
    lines = lines_of(Path(workplace.environment["OPSCORE_DRILL_LEDGER"]))
    return [each["key"] for each in lines if each["idempotency_key"].startswith(task_id)]


def await_mid_step(workplace: Workplace, task_id: str) -> None:
    wait_until(lambda: "slow" in noted(workplace, task_id), 60, lambda: str(workplace.kinds(task_id)))


def process_of(task_id: str) -> psutil.Process:
    """The pool child that works on it."""
    with scope.acting("person:alice"), reading() as session:
        return psutil.Process(session.scalars(select(Run).where(Run.task_id == task_id)).one().pid)


def has_deregistered(worker: CeleryTestWorker) -> bool:
    with scope.wide("system:test"), reading() as session:
        found = session.scalars(select(Worker).where(Worker.pid == worker.container.local.pid)).one()
        return found.stopped_at is not None


def assert_done(workplace: Workplace, task_id: str, runs: int) -> None:
    task = workplace.succeeded(task_id)
    assert (task.run_number, task.losses, task.attempts) == (runs, 0, 0)
    assert noted(workplace, task_id) == ["first", *["slow"] * runs, "last"]
    assert workplace.files(task_id)["output/log.txt"] == b"slow 1\nslow 2\n"


def test_signal_to_a_worker_lets_its_task_finish_first(ready: Workplace) -> None:
    workers = {name: ready.start_worker(AgentWanted(name.lower(), str(LEVEL_OF_PARENT[name]))) for name in SIGNALS}
    tasks = {name: ready.submit(three_steps(), complexity=LEVEL_OF_PARENT[name]) for name in SIGNALS}
    for name, task_id in tasks.items():
        await_mid_step(ready, task_id)
        workers[name].kill(name)
    for task_id in tasks.values():
        assert_done(ready, task_id, runs=1)
    # After a SIGQUIT it stays for its 30 seconds, whether anything still runs or not.
    workers["SIGQUIT"].kill()
    for name in SIGNALS:
        wait_until(lambda name=name: workers[name].container.status == "exited", 60, f"the end after {name}")
        assert name == "SIGQUIT" or has_deregistered(workers[name]), name
        assert workers[name].container.local.left() == []


@pytest.mark.long
def test_task_that_outlasts_the_patience_of_a_sigquit_is_given_back(ready: Workplace) -> None:
    worker = ready.ready_worker(AgentWanted("patience", "6"))
    endless = {"name": "slow", "tool": "drill.note_idempotent", "with": {"key": "slow", "sleep_s": 600}}
    task_id = ready.submit(plan(endless), complexity=6)
    await_mid_step(ready, task_id)
    worker.kill("SIGQUIT")
    wait_until(lambda: worker.container.status == "exited", 90, "the end after SIGQUIT")
    ready.reconcile()
    assert ready.task(task_id).state == State.QUEUED
    # It did not say that it ends.
    assert has_deregistered(worker)
    with scope.acting("person:alice"):
        control.cancel(task_id)


def test_signal_to_a_child_costs_the_running_step_at_most(ready: Workplace) -> None:
    ready.start_worker(AgentWanted("parent", str(LEVEL_OF_CHILDREN), len(SIGNALS)))
    tasks = {name: ready.submit(three_steps(), complexity=LEVEL_OF_CHILDREN) for name in SIGNALS}
    for name, task_id in tasks.items():
        await_mid_step(ready, task_id)
        process_of(task_id).send_signal(signal.Signals[name])
    runs = {name: ready.succeeded(task_id).run_number for name, task_id in tasks.items()}
    assert runs == RUNS_AFTER_ONE_TO_THE_CHILD
    for name, task_id in tasks.items():
        assert_done(ready, task_id, runs[name])
