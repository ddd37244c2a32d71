"""A run whose lease ends, by whatever silenced it, is another's from then on; and a long one is delivered once."""

import json
import signal
from pathlib import Path

import psutil
import pytest
from pytest_celery import CeleryBrokerCluster
from sqlalchemy import select

from models import scope
from models.database import reading
from models.run import Run
from tasks.broker import send_wake_up
from tests.support.processes import wait_until
from tests.support.workplace import AgentWanted, Workplace, plan
from worker.chaos.outside import lines_of

LEASE = {"OPSCORE_RUN_LEASE_S": "5"}


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def ready(workplace: Workplace, celery_broker_cluster: CeleryBrokerCluster) -> Workplace:
    workplace.environment["OPSCORE_DRILL_LEDGER"] = str(workplace.logs / "ledger")
    return workplace


def noting(key: str, tool: str = "note_idempotent", **more: object) -> dict[str, object]:
    return {"name": key, "tool": f"drill.{tool}", "with": {"key": key, **more}}


def noted(workplace: Workplace, task_id: str) -> list[str]:
    lines = lines_of(Path(workplace.environment["OPSCORE_DRILL_LEDGER"]))
    return [each["key"] for each in lines if each["idempotency_key"].startswith(task_id)]


def process_of(task_id: str) -> psutil.Process:
    with scope.acting("person:alice"), reading() as session:
        return psutil.Process(session.scalars(select(Run).where(Run.task_id == task_id)).one().pid)


def test_process_that_stands_still_past_its_lease_loses_its_task_and_writes_nothing_when_it_goes_on(
    ready: Workplace,
) -> None:
    sleeper = ready.ready_worker(AgentWanted("sleeper", "1"), **LEASE)
    order = plan(noting("slow", path="output/log.txt", lines=2, sleep_s=2), noting("last", "note_once"))
    task_id = ready.submit(order, complexity=1)
    wait_until(lambda: noted(ready, task_id) == ["slow"], 60, "the step")
    child = process_of(task_id)
    child.send_signal(signal.SIGSTOP)
    fresh = ready.ready_worker(AgentWanted("fresh", "1"), **LEASE)
    wait_until(lambda: ready.reconcile().requeued, 60, "the end of the lease")
    wait_until(lambda: ready.reconcile().woken or ready.task(task_id).agent == "fresh", 60, "the next claim")
    task = ready.succeeded(task_id)
    assert (task.agent, task.run_number) == ("fresh", 2)
    before, files = ready.kinds(task_id), ready.files(task_id)
    assert files["output/log.txt"] == b"slow 1\nslow 2\n"
    child.send_signal(signal.SIGCONT)
    wait_until(lambda: "run.fenced" in sleeper.logs() or "run.lost" in sleeper.logs(), 60, "it sees that")
    # What it says last it does not do: whoever writes after that would have written by the end of another task.
    after = ready.submit(plan(noting("after")), complexity=1)
    ready.succeeded(after)
    assert (ready.kinds(task_id), ready.files(task_id)) == (before, files)
    assert noted(ready, task_id) == ["slow", "slow", "last"]
    assert fresh.container.status == sleeper.container.status == "running"


def test_long_task_holds_no_message_and_more_of_its_messages_change_nothing(
    ready: Workplace, celery_broker_cluster: CeleryBrokerCluster
) -> None:
    client = celery_broker_cluster[0].container.client
    ready.ready_worker(AgentWanted("patient", "2", 2), **LEASE)
    task_id = ready.submit(plan(noting("long", sleep_s=3), noting("last", "note_once")), complexity=2)
    wait_until(lambda: noted(ready, task_id), 60, "the step")
    # The broker gives again what nobody has acknowledged for too long: here is nothing of that kind.
    assert (client.hlen("unacked"), client.zcard("unacked_index"), client.llen("complexity.2")) == (0, 0, 0)
    for _ in range(3):
        send_wake_up("complexity.2", task_id)
    wait_until(lambda: client.llen("complexity.2") == 0, 60, "the messages are taken")
    task = ready.succeeded(task_id)
    assert (task.run_number, noted(ready, task_id)) == (1, ["long", "last"])


def test_task_longer_than_the_visibility_time_out_is_delivered_once(
    ready: Workplace, celery_broker_cluster: CeleryBrokerCluster
) -> None:
    hasty = {"visibility_timeout": 1, "unacked_restore_interval": 1, "unacked_restore_throttle": 1}
    told = [f"broker.transport_options=(dict){json.dumps(hasty)}"]
    worker = ready.ready_worker([*AgentWanted("hasty", "3", 2).arguments, *told], "hasty", **LEASE)
    task_id = ready.submit(plan(noting("long", sleep_s=4), noting("last", "note_once")), complexity=3)
    task = ready.succeeded(task_id)
    assert (task.run_number, noted(ready, task_id)) == (1, ["long", "last"])
    assert worker.logs().count("run.ended") == 1
