"""The broker only wakes: whatever happens to it, the rows stand and the work is done."""

import time
from collections.abc import Iterator

import pytest
from pytest_celery import CeleryBrokerCluster, CeleryTestBroker, CeleryWorkerCluster

from models.states import State
from tests.support.processes import wait_until
from tests.support.workplace import LOOK, AgentWanted, Workplace, plan, program


@pytest.fixture(scope="module")
def agents() -> list[AgentWanted]:
    return [AgentWanted("patient", "1-3")]


@pytest.fixture
def broker(celery_broker_cluster: CeleryBrokerCluster) -> Iterator[CeleryTestBroker]:
    """The broker, running again after the test."""
    found = celery_broker_cluster[0]
    yield found
    if found.container.status != "running":
        restart(found)


def restart(broker: CeleryTestBroker) -> None:
    broker.container.local.restart()
    wait_until(lambda: "Ready to accept" in broker.logs(), 20, "the broker is ready again")


def kill(broker: CeleryTestBroker) -> None:
    broker.kill()
    broker.container.local.process.wait(5)


def test_task_submitted_while_the_broker_is_down_stands_and_is_published_later(
    workplace: Workplace, broker: CeleryTestBroker
) -> None:
    kill(broker)
    begun = time.monotonic()
    task_id = workplace.submit(plan(LOOK), complexity=9)
    # Celery's own tries would take six seconds.
    assert time.monotonic() - begun < 5
    task = workplace.task(task_id)
    assert (task.state, task.published_at) == (State.QUEUED, None)
    assert workplace.reconcile().published == 0
    restart(broker)
    assert workplace.reconcile().published == 1
    assert workplace.task(task_id).published_at is not None
    assert broker.container.client.llen("complexity.9") == 1


def test_emptied_broker_is_filled_again_with_as_many_wake_ups_as_tasks_wait(
    workplace: Workplace, broker: CeleryTestBroker
) -> None:
    waiting = [workplace.submit(plan(LOOK), complexity=10) for _ in range(3)]
    client = broker.container.client
    assert client.llen("complexity.10") == 3
    client.flushall()
    assert workplace.reconcile().woken >= 3
    assert client.llen("complexity.10") == 3
    assert workplace.reconcile().woken == 0
    assert [workplace.task(task_id).state for task_id in waiting] == [State.QUEUED] * 3


def test_task_runs_on_while_the_broker_restarts_and_the_worker_takes_the_next(
    workplace: Workplace, celery_worker_cluster: CeleryWorkerCluster, broker: CeleryTestBroker
) -> None:
    task_id = workplace.submit(plan(program("sleep", "2"), LOOK), complexity=2)
    workplace.wait_for(task_id, "step.started terminal_run_1")
    kill(broker)
    time.sleep(2.5)  # long enough for the worker to have failed to come back
    restart(broker)
    task = workplace.succeeded(task_id)
    assert (task.run_number, task.losses) == (1, 0)
    after = workplace.submit(plan(LOOK), complexity=2)
    assert workplace.succeeded(after).agent == "patient"


def test_broker_that_dies_while_some_run_and_others_wait_costs_none_of_them_and_doubles_none(
    workplace: Workplace, celery_worker_cluster: CeleryWorkerCluster, broker: CeleryTestBroker
) -> None:
    order = plan(program("sleep", "1", name="slow"), {"name": "last", **LOOK})
    tasks = [workplace.submit(order, complexity=level) for level in (1, 2, 3)]
    wait_until(lambda: any("step.started slow" in workplace.kinds(task_id) for task_id in tasks), 60, "a step")
    kill(broker)
    tasks.append(workplace.submit(order, complexity=1))
    restart(broker)
    tasks.append(workplace.submit(order, complexity=2))
    workplace.reconcile()
    for task_id in tasks:
        task = workplace.succeeded(task_id)
        assert (task.run_number, task.losses, task.attempts) == (1, 0, 0)
        kinds = workplace.kinds(task_id)
        assert [kinds.count(f"step.finished {key}") for key in ("slow", "last")] == [1, 1]
