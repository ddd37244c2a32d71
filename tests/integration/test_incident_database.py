"""The database goes away in the middle: runs are not lost by it, and what is in doubt is looked up, not done again."""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from pytest_celery import CeleryBrokerCluster, CeleryTestWorker
from sqlalchemy.exc import OperationalError

import settings
from models import scope
from models.states import State
from models.task import Task
from tasks.control import one_task as control
from tests.conftest import migrate
from tests.integration.test_reconcilers import COMMAND
from tests.support.cutting import CuttingProxy
from tests.support.processes import LocalProcess, wait_until
from tests.support.web import LiveWeb, live_web
from tests.support.workplace import LOOK, AgentWanted, Workplace, plan
from worker.chaos.outside import lines_of
from worker.chaos.postgresql import HOST, OwnPostgresql

PLACES = 2


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgresql]:
    """A PostgreSQL server that may be killed."""
    # In /tmp: as root it belongs to another user, who may not enter root's folders.
    folder = Path(tempfile.mkdtemp(prefix="opscore-pg-", dir="/tmp"))
    server = OwnPostgresql(folder)
    server.start()
    migrate(settings.Settings(database_url=server.url))
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def proxy(server: OwnPostgresql) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(port_of(server))
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def database_kind() -> str:
    return "postgresql"


@pytest.fixture(scope="module")
def database_url(server: OwnPostgresql, proxy: CuttingProxy) -> str:
    """The server, through the proxy."""
    return server.url.replace(f"{HOST}:{port_of(server)}", f"{HOST}:{proxy.port}")


@pytest.fixture(scope="module")
def worker(workplace: Workplace, celery_broker_cluster: CeleryBrokerCluster) -> CeleryTestWorker:
    workplace.environment["OPSCORE_DRILL_LEDGER"] = str(workplace.logs / "ledger")
    return workplace.ready_worker(AgentWanted("steady", "1-3", PLACES))


@pytest.fixture
def reconciler(workplace: Workplace, celery_broker_cluster: CeleryBrokerCluster) -> Iterator[LocalProcess]:
    process = LocalProcess("reconciler", COMMAND, workplace.environment, workplace.logs / "reconciler.log")
    wait_until(lambda: b"reconciler.started" in process.logs(), 60, "the reconciler")
    yield process
    process.end()


@pytest.fixture
def web(workplace: Workplace) -> Iterator[LiveWeb]:
    with live_web(workplace.told, workplace.logs / "web.log") as web:
        yield web


def port_of(server: OwnPostgresql) -> int:
    return int(server.url.rpartition("@")[2].partition("/")[0].partition(":")[2])


def noting(key: str, sleep_s: float = 0) -> dict[str, object]:
    """A step that must not happen twice, and leaves a line outside."""
    return {"name": key, "tool": "drill.note_once", "with": {"key": key, "sleep_s": sleep_s}}


def noted(workplace: Workplace, task_id: str) -> list[str]:
    """The task's steps whose line stands outside, as often as they do."""
    lines = lines_of(Path(workplace.environment["OPSCORE_DRILL_LEDGER"]))
    return [each["key"] for each in lines if each["idempotency_key"].startswith(task_id)]


def assert_done_once(workplace: Workplace, task: Task, steps: list[str]) -> None:
    assert (task.run_number, task.losses, task.attempts) == (1, 0, 0)
    assert noted(workplace, task.id) == steps
    kinds = Counter(workplace.kinds(task.id))
    once = ["task.submitted", "task.claimed", *(f"step.finished {key}" for key in steps), "task.succeeded"]
    assert {kind: kinds[kind] for kind in once} == dict.fromkeys(once, 1)
    assert [each.number for each in workplace.events(task.id)] == list(range(1, kinds.total() + 1))


@pytest.mark.parametrize("kind", ["task.claimed", "step.started", "step.finished", "task.succeeded"])
def test_commit_whose_answer_is_lost_is_found_to_stand_and_the_task_is_finished_once(
    workplace: Workplace, worker: CeleryTestWorker, proxy: CuttingProxy, kind: str
) -> None:
    proxy.cut_after(kind)
    # The end of one claims the next: that is in doubt, too.
    waiting = [workplace.submit(plan(noting("a"), noting("b")), complexity=2) for _ in range(2 * PLACES)]
    for task_id in waiting:
        assert_done_once(workplace, workplace.succeeded(task_id), ["a", "b"])
    assert proxy.has_cut.is_set()


def test_submission_whose_answer_is_lost_is_found_by_the_repeated_request(
    workplace: Workplace, worker: CeleryTestWorker, reconciler: LocalProcess, proxy: CuttingProxy
) -> None:
    asked = {"playbook": plan(noting("a")), "complexity": 2, "idempotency_key": "in doubt"}
    proxy.cut_after("task.submitted")
    with pytest.raises(OperationalError):
        workplace.submit(**asked)
    assert proxy.has_cut.is_set()
    task_id = workplace.submit(**asked)
    assert_done_once(workplace, workplace.succeeded(task_id), ["a"])


def test_server_that_crashes_in_the_middle_of_steps_costs_no_run(
    workplace: Workplace, worker: CeleryTestWorker, reconciler: LocalProcess, web: LiveWeb, server: OwnPostgresql
) -> None:
    running = [workplace.submit(plan(noting("slow", 4), noting("next")), complexity=3) for _ in range(PLACES)]
    for task_id in running:
        workplace.wait_for(task_id, "step.started slow")
        wait_until(lambda task_id=task_id: noted(workplace, task_id), 30, "the step's line")
    crash(server)
    asked = {"headers": {"Authorization": f"Bearer {web.token}"}, "timeout": 30}
    for method, path in (("GET", "/v1/tasks"), ("POST", "/v1/tasks"), ("GET", "/health")):
        body = {"playbook": plan(LOOK)} if method == "POST" else None
        answer = requests.request(method, f"{web.url}{path}", json=body, **asked)
        assert answer.status_code == 503, answer.text
        if path != "/health":
            assert (answer.json()["code"], "database" in answer.json()["detail"]) == ("unavailable", True)
            assert int(answer.headers["Retry-After"]) > 0
    wait_until(lambda: b"round.lost" in reconciler.logs(), 30, "a round without a database")
    server.start()
    for task_id in running:
        assert_done_once(workplace, workplace.succeeded(task_id), ["slow", "next"])
    wait_until(web.answers, 30, "the pages are back")
    body = {"playbook": plan(noting("later")), "delay": 1, "complexity": 3}
    answer = requests.post(f"{web.url}/v1/tasks", json=body, **asked)
    assert answer.status_code == 201, answer.text
    # Only the reconciler begins what was delayed.
    assert_done_once(workplace, workplace.succeeded(answer.json()["id"]), ["later"])


def crash(server: OwnPostgresql) -> None:
    """SIGKILL every process of the server at once: nothing is written, nobody is told."""
    first = server._process
    assert first is not None
    all_of_it = [psutil.Process(first.pid), *psutil.Process(first.pid).children(recursive=True)]
    for each in all_of_it:
        each.kill()
    first.wait()
    psutil.wait_procs(all_of_it, 30)
    assert os.getpid() not in [each.pid for each in all_of_it]


def test_tool_ends_with_its_lease_where_the_database_stays_away_and_the_task_is_given_back_when_it_returns(
    workplace: Workplace, worker: CeleryTestWorker, reconciler: LocalProcess, server: OwnPostgresql
) -> None:
    # So brief a lease that the test need not wait for long.
    brief = workplace.ready_worker(AgentWanted("brief", "5"), OPSCORE_RUN_LEASE_S="5")
    step = {"name": "endless", "tool": "drill.note_idempotent", "with": {"key": "endless", "sleep_s": 600}}
    task_id = workplace.submit(plan(step), complexity=5)
    wait_until(lambda: noted(workplace, task_id), 60, "the step's line")
    [child] = psutil.Process(brief.container.local.pid).children()
    crash(server)
    wait_until(lambda: not child.is_running(), 60, "the process that had the task ends")
    server.start()
    wait_until(lambda: len(noted(workplace, task_id)) == 2, 60, "the next run")
    task = workplace.task(task_id)
    assert (task.state, task.run_number, task.losses) == (State.RUNNING, 2, 1)
    assert workplace.kinds(task_id).count("task.requeued") == 1
    with scope.acting("person:alice"):
        control.cancel(task_id)
    assert workplace.ended(task_id).state == State.CANCELLED
