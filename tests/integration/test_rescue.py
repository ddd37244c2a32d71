"""Whatever dies, the task is finished once, and what was given up writes nothing more."""

import os
import signal

import psutil
import pytest
from pytest_celery import CeleryBrokerCluster, CeleryTestBroker, CeleryTestWorker
from sqlalchemy import select

from models import event, scope
from models.claim import close_run
from models.database import reading, writing
from models.run import Run
from models.states import Move, State, move
from models.task import Task
from tests.support.processes import pool_child, wait_until
from tests.support.workplace import LOOK, AgentWanted, Workplace, plan, program, write

# A step that is cut off has written its line already; starting from anything but the last snapshot shows it twice.
APPEND_AND_SLEEP = 'BEGIN { print "once" >> "output/log.txt"; close("output/log.txt"); system("sleep 2") }'
FOUR_STEPS = plan(
    write("output/first.txt", "first\n", name="first"),
    program("cp", "output/first.txt", "output/second.txt", name="second"),
    program("awk", APPEND_AND_SLEEP, name="slow"),
    program("cp", "output/log.txt", "output/last.txt", name="last"),
)
ENDLESS = plan(program("sleep", "14", name="long"))


@pytest.fixture(scope="module")
def broker(celery_broker_cluster: CeleryBrokerCluster) -> CeleryTestBroker:
    return celery_broker_cluster[0]


@pytest.fixture(scope="module")
def steady(workplace: Workplace, broker: CeleryTestBroker) -> CeleryTestWorker:
    """A worker that is there for every test of the module; its children may die."""
    return workplace.ready_worker(AgentWanted("steady", "1-3"))


def runs(task_id: str) -> list[tuple[int, str | None]]:
    """Number and outcome of each run of the task."""
    with scope.acting("person:alice"), reading() as session:
        found = session.scalars(select(Run).where(Run.task_id == task_id).order_by(Run.number))
        return [(run.number, run.outcome) for run in found]


def below(process: psutil.Process) -> list[psutil.Process]:
    """The processes of the sandbox that runs below a pool child."""
    return wait_until(lambda: process.children(recursive=True), 30, "a sandbox")


def assert_gone(processes: list[psutil.Process], within_s: float) -> None:
    _, left = psutil.wait_procs(processes, within_s)
    assert [each for each in left if each.status() != psutil.STATUS_ZOMBIE] == []


def kill_child_in_the_step(workplace: Workplace, worker: CeleryTestWorker, task_id: str, run: int) -> None:
    """SIGKILL the pool child once the run's step has its sandbox."""
    wait_until(lambda: workplace.kinds(task_id).count("step.started long") == run, 30, f"run {run}")
    child = pool_child(worker.container)
    sandbox = below(child)
    child.kill()
    assert_gone([child, *sandbox], 2)


def test_killed_workers_task_goes_on_with_its_first_unfinished_step(
    workplace: Workplace, broker: CeleryTestBroker, steady: CeleryTestWorker
) -> None:
    undisturbed = workplace.submit(FOUR_STEPS, complexity=2)
    victim = workplace.ready_worker(AgentWanted("victim", "10"))
    task_id = workplace.submit(FOUR_STEPS, complexity=10)
    workplace.wait_for(task_id, "step.started slow")
    wait_until(lambda: workplace.files(task_id).get("output/log.txt"), 30, "the line of the cut-off step")
    victim.container.local.note_descendants()
    victim.kill()
    assert_gone(list(victim.container.local.seen.values()), 2)
    assert workplace.reconcile().requeued == 1
    assert workplace.task(task_id).state == State.QUEUED
    workplace.ready_worker(AgentWanted("successor", "10"))
    task = workplace.succeeded(task_id)
    # Its step went well: the losses before it are forgotten.
    assert (task.run_number, task.losses, task.attempts, task.agent) == (2, 0, 0, "successor")
    assert runs(task_id) == [(1, "lost"), (2, "succeeded")]
    kinds = workplace.kinds(task_id)
    for finished_before in ("first", "second", "last"):
        assert kinds.count(f"step.started {finished_before}") == kinds.count(f"step.finished {finished_before}") == 1
    assert (kinds.count("step.started slow"), kinds.count("step.finished slow")) == (2, 1)
    assert [each.number for each in workplace.events(task_id)] == list(range(1, len(kinds) + 1))
    workplace.succeeded(undisturbed)
    assert workplace.files(task_id) == workplace.files(undisturbed)
    assert workplace.files(task_id)["output/log.txt"] == b"once\n"


def test_killed_pool_child_takes_its_sandbox_along_and_its_task_is_done_by_the_next_child_without_a_reconciler(
    workplace: Workplace, steady: CeleryTestWorker
) -> None:
    task_id = workplace.submit(plan(program("sleep", "2", name="long"), LOOK), complexity=1)
    kill_child_in_the_step(workplace, steady, task_id, 1)
    assert workplace.succeeded(task_id).run_number == 2
    assert runs(task_id) == [(1, "lost"), (2, "succeeded")]


def test_task_whose_worker_dies_five_times_fails_as_lost(workplace: Workplace, steady: CeleryTestWorker) -> None:
    task_id = workplace.submit(ENDLESS, complexity=1)
    for run in range(1, 6):
        kill_child_in_the_step(workplace, steady, task_id, run)
    task = workplace.failed(task_id)
    assert (task.state, task.error_code, task.losses, task.attempts) == (State.FAILED, "lost", 5, 0)
    assert task.error_message is not None and "its worker died 5 times" in task.error_message
    assert workplace.kinds(task_id)[-1] == "task.failed"
    assert workplace.succeeded(workplace.submit(plan(LOOK), complexity=1)).agent == "steady"


def test_run_that_was_given_up_and_wakes_again_writes_nothing_more(
    workplace: Workplace, broker: CeleryTestBroker, steady: CeleryTestWorker
) -> None:
    sleeper = workplace.ready_worker(AgentWanted("sleeper", "9"))
    task_id = workplace.submit(plan(program("sleep", "1", name="nap"), write("output/end.txt", "end")), complexity=9)
    workplace.wait_for(task_id, "step.started nap")
    child = pool_child(sleeper.container)
    os.kill(child.pid, signal.SIGSTOP)
    give_back(task_id)
    workplace.ready_worker(AgentWanted("fresh", "9"), "fresh")
    wait_until(lambda: workplace.reconcile().published or workplace.task(task_id).agent == "fresh", 30)
    assert workplace.succeeded(task_id).agent == "fresh"
    before, files = workplace.kinds(task_id), workplace.files(task_id)
    os.kill(child.pid, signal.SIGCONT)
    sleeper.wait_for_log("run.fenced", timeout=30)
    sleeper.wait_for_log("run.ended", timeout=30)
    assert "Traceback" not in sleeper.logs()
    assert (workplace.kinds(task_id), workplace.files(task_id)) == (before, files)
    assert runs(task_id) == [(1, "given up"), (2, "succeeded")]


def give_back(task_id: str) -> None:
    """Requeue the task although its process lives, as happens when its lease runs out."""
    with scope.wide("system:test"), writing() as session:
        close_run(session, task_id, 1, "given up")
        task = move(session, Move.REQUEUE, Task.id == task_id, published_at=None)
        event.record(session, "task", task.id, task.event_count, "task.requeued", task.tenant, reason="by hand")
