"""Starting a Celery worker makes an agent; ending it, in whichever way, is noted."""

import os
import signal
import socket
from importlib.metadata import version

import psutil
import pytest
from pytest_celery import CeleryBrokerCluster, CeleryTestBroker, CeleryTestWorker
from sqlalchemy import select

from models import scope
from models.agent import Agent, Worker
from models.columns import now
from models.database import reading
from models.states import State
from tasks.broker import celery_app
from tests.support.processes import wait_until
from tests.support.workplace import LOOK, AgentWanted, Workplace, plan, program

HOST = socket.gethostname()


@pytest.fixture(scope="module")
def database_kind() -> str:
    return "sqlite"


@pytest.fixture(scope="module")
def broker(celery_broker_cluster: CeleryBrokerCluster) -> CeleryTestBroker:
    return celery_broker_cluster[0]


@pytest.fixture(scope="module")
def smith(workplace: Workplace, broker: CeleryTestBroker) -> CeleryTestWorker:
    """A worker of the agent smith, which takes 4-7."""
    return workplace.ready_worker(AgentWanted("smith", "4-7"))


def row(nodename: str) -> Worker:
    """The worker's newest row."""
    with scope.acting("person:alice"), reading() as session:
        named = select(Worker).where(Worker.nodename == nodename).order_by(Worker.started_at.desc()).limit(1)
        return session.scalars(named).one()


def consumed(nodename: str) -> set[str]:
    """The queues that the worker says it consumes."""
    # Asked again: a worker says that it is ready a moment before it hears broadcasts, and Redis keeps none.
    asked = celery_app().control.inspect([nodename], timeout=5, limit=1)
    answers = wait_until(asked.active_queues, 30, f"an answer of {nodename}")
    return {queue["name"] for queue in answers[nodename]}


def test_worker_with_a_range_consumes_exactly_its_levels_and_its_agents_queue(smith: CeleryTestWorker) -> None:
    expected = {"complexity.4", "complexity.5", "complexity.6", "complexity.7", "agent.smith"}
    assert consumed(f"smith@{HOST}") == expected
    assert set(row(f"smith@{HOST}").queues) == expected


def test_worker_registers_what_people_want_to_know_of_it(smith: CeleryTestWorker) -> None:
    found = row(f"smith@{HOST}")
    assert (found.host, found.pid, found.concurrency) == (HOST, smith.container.local.pid, 1)
    assert found.version == f"celery {version('celery')}"
    assert abs(found.process_started_at - psutil.Process(found.pid).create_time()) < 0.05
    assert found.sandbox["tier"] in (1, 2, 3, 4)
    with scope.acting("person:alice"), reading() as session:
        agent = session.scalars(select(Agent).where(Agent.name == "smith")).one()
    assert (agent.complexity_min, agent.complexity_max) == (4, 7)


def test_worker_beats_with_figures_of_all_its_processes(smith: CeleryTestWorker) -> None:
    begun = now()
    wait_until(lambda: row(f"smith@{HOST}").last_seen_at > begun, 30, "a beat")
    found = row(f"smith@{HOST}")
    parent_alone = psutil.Process(found.pid).memory_info().rss
    assert found.memory_bytes > 1.3 * parent_alone
    assert found.host_load > 0


def test_celerys_own_options_name_queues_too(workplace: Workplace, broker: CeleryTestBroker) -> None:
    wanted = "complexity.9,capability.gpu"
    worker = workplace.ready_worker(["--agent", "narrow", "-Q", wanted, "--concurrency", "1"], "narrow")
    assert consumed(f"narrow@{HOST}") == {"complexity.9", "capability.gpu", "agent.narrow"}
    assert workplace.succeeded(workplace.submit(plan(LOOK), complexity=9)).agent == "narrow"
    worker.teardown()


def test_second_worker_of_an_agent_has_a_name_of_its_own(workplace: Workplace, smith: CeleryTestWorker) -> None:
    second = workplace.ready_worker(AgentWanted("smith", "4-7"), "smith-2")
    nodename = f"smith-{second.container.local.pid}@{HOST}"
    assert row(nodename).stopped_at is None
    assert consumed(nodename) == consumed(f"smith@{HOST}")
    second.teardown()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--agent", "x", "--complexity", "0-3"], "cannot use --complexity 0-3: one level or a range within 1-10"),
        (["-Q", "complexty.4"], "cannot use -Q complexty.4: no task is sent there"),
        (["-P", "threads"], "cannot use this pool: a run needs a process of its own"),
    ],
)
def test_option_that_makes_no_sense_ends_the_start_with_a_reason(
    workplace: Workplace, arguments: list[str], said: str
) -> None:
    ended = workplace.celery("worker", *arguments)
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_celerys_command_line_shows_the_queues_and_grows_the_pool(
    workplace: Workplace, smith: CeleryTestWorker
) -> None:
    shown = workplace.celery("inspect", "active_queues", "--timeout", "10")
    assert shown.returncode == 0
    assert f"smith@{HOST}: OK" in shown.stdout and "complexity.7" in shown.stdout
    grown = workplace.celery("control", "pool_grow", "1", "--destination", f"smith@{HOST}", "--timeout", "10")
    assert grown.returncode == 0, grown.stderr
    wait_until(lambda: len(psutil.Process(smith.container.local.pid).children()) == 2, 30, "a second child")
    sleeping = plan(program("sleep", "3"))
    both = [workplace.submit(sleeping, agent="smith") for _ in range(2)]
    for task_id in both:
        workplace.wait_for(task_id, "step.started terminal_run_1")
    assert [workplace.task(task_id).state for task_id in both] == [State.RUNNING, State.RUNNING]
    for task_id in both:
        workplace.succeeded(task_id)


def test_asked_to_end_worker_finishes_its_task_and_then_deregisters(
    workplace: Workplace, broker: CeleryTestBroker
) -> None:
    worker = workplace.ready_worker(AgentWanted("leaver", "10"))
    task_id = workplace.submit(plan(program("sleep", "2"), LOOK), complexity=10)
    workplace.wait_for(task_id, "step.started terminal_run_1")
    worker.kill("SIGTERM")
    assert worker.container.local.process.wait(20) == 0
    assert workplace.task(task_id).state == State.SUCCEEDED
    found = row(f"leaver@{HOST}")
    finished_at = workplace.task(task_id).finished_at
    assert found.stopped_at is not None and finished_at is not None and found.stopped_at > finished_at
    assert [event.kind for event in workplace.events(found.agent_id)] == ["worker.registered", "worker.stopped"]


def test_killed_worker_is_noted_as_lost_by_the_next_round(workplace: Workplace, broker: CeleryTestBroker) -> None:
    worker = workplace.ready_worker(AgentWanted("victim", "10"))
    os.kill(worker.container.local.pid, signal.SIGKILL)
    worker.container.local.process.wait(5)
    assert row(f"victim@{HOST}").stopped_at is None
    assert workplace.reconcile().workers_lost == 1
    found = row(f"victim@{HOST}")
    assert found.stopped_at is not None
    assert [event.kind for event in workplace.events(found.agent_id)] == ["worker.registered", "worker.lost"]
