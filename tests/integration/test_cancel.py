"""Cancel cancels: whatever the tool does against it, whenever it comes, and what is cancelled stays so."""

import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_celery import CeleryBrokerCluster

from models import scope
from models.claim import Claim, Fenced, end, fenced
from models.columns import now
from models.database import writing
from models.errors import Conflict
from models.states import TERMINAL, Move, State
from models.step import StepState
from models.task import Task
from tasks.broker import send_wake_up
from tasks.control import one_task as control
from tests.support.boxed import new_marker, processes_with
from tests.support.gates import Gates
from tests.support.processes import wait_until
from tests.support.workplace import LOOK, AgentWanted, Workplace, plan, program, write

CONFIRMED_S = 2.0
"""The promise itself."""
FLOODS = """
import os, signal, sys
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
    signal.signal(number, signal.SIG_IGN)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() > 0:
            os._exit(0)
        break
else:
    open("output/begun", "w").close()
while True:
    try:
        os.write(1, b"flood " * 1000 + b"\\n")
    except OSError:
        pass
"""
FLOODING = 4
"""The program and its daemons."""
POINTS = ("snapshot.in_the_middle", "step.before_start", "step.after_finish", "task.before_end")
TWO_STEPS = plan(write("output/a.txt", "a", name="first"), write("output/b.txt", "b", name="second"))
ENDS = {"task.succeeded", "task.failed", "task.cancelled"}


@pytest.fixture(scope="module")
def gates(workplace: Workplace) -> Gates:
    folder = workplace.logs / "gates"
    folder.mkdir()
    return Gates(folder, POINTS)


@pytest.fixture(scope="module", autouse=True)
def _workers(workplace: Workplace, celery_broker_cluster: CeleryBrokerCluster, gates: Gates) -> None:
    """One for each tier of the sandbox that this host has, and one that stops at the gates."""
    # The flood must not end by itself.
    flooded = {"OPSCORE_STEP_OUTPUT_BYTES": str(2**36), "OPSCORE_STEP_WALL_S": "300"}
    workplace.start_worker(AgentWanted("first", "1"), OPSCORE_SANDBOX_TIER="1", **flooded)
    workplace.start_worker(AgentWanted("third", "3"), OPSCORE_SANDBOX_TIER="3", **flooded)
    workplace.ready_worker(AgentWanted("gated", "5"), **gates.variables)


@pytest.fixture(autouse=True)
def as_alice() -> Iterator[None]:
    with scope.acting("person:alice"):
        yield


def cancelled(workplace: Workplace, task_id: str) -> dict[str, Any]:
    """What the confirmation says, once it is there."""
    wait_until(lambda: workplace.task(task_id).state == State.CANCELLED, 60, lambda: str(workplace.kinds(task_id)))
    last = workplace.events(task_id)[-1]
    assert last.kind == "task.cancelled"
    return dict(last.data)


def everything(workplace: Workplace, task_id: str) -> Any:
    """The whole of what is known of the task."""
    task = workplace.task(task_id)
    row = {each.key: getattr(task, each.key) for each in Task.__table__.columns}
    return row, workplace.kinds(task_id), {key: step.state for key, step in workplace.steps(task_id).items()}


def claim_of(task: Task) -> Claim:
    return Claim(task.id, task.tenant, task.run_number, task.epoch, task.agent or "", task.queue, task)


@pytest.mark.parametrize("tier", [1, 3])
def test_tool_that_ignores_signals_has_daemons_and_floods_is_gone_within_two_seconds(
    workplace: Workplace, tier: int
) -> None:
    marker = new_marker()
    flood = program("python3", "-c", FLOODS, marker, name="flood")
    task_id = workplace.submit(plan(flood), complexity=tier)
    workplace.wait_for(task_id, "step.started flood", 60)
    wait_until(lambda: "output/begun" in workplace.files(task_id), 60, "the flood")
    wait_until(lambda: len(processes_with(marker)) >= FLOODING, 60, "its daemons")
    assert control.cancel(task_id).state == State.RUNNING
    told = cancelled(workplace, task_id)
    assert processes_with(marker) == []
    assert told["killed"] >= FLOODING
    assert told["after_s"] < CONFIRMED_S
    assert workplace.steps(task_id)["flood"].state == StepState.FAILED


def test_nothing_changes_a_cancelled_task_afterwards(workplace: Workplace) -> None:
    task_id = workplace.submit(plan(program("sleep", "60", name="long"), LOOK), complexity=1)
    workplace.wait_for(task_id, "step.started long", 60)
    control.cancel(task_id)
    cancelled(workplace, task_id)
    task, before = workplace.task(task_id), everything(workplace, task_id)
    assert control.cancel(task_id).state == State.CANCELLED
    for act in (control.pause, control.resume, control.dismiss):
        with pytest.raises(Conflict):
            act(task_id)
    for late in (Move.SUCCEED, Move.FAIL, Move.RETRY, Move.PAUSE, Move.CANCEL):
        with pytest.raises(Fenced), writing() as session:
            end(session, claim_of(task), late, "late", finished_at=now())
    with pytest.raises(Fenced), writing() as session:
        fenced(session, claim_of(task), steps_done=2)
    workplace.reconcile()
    send_wake_up(task.queue, task_id)
    # The next task's end says that the message was taken before.
    workplace.succeeded(workplace.submit(plan(LOOK), complexity=1))
    assert everything(workplace, task_id) == before


@pytest.mark.parametrize("point", POINTS)
def test_cancellation_between_two_statements_of_a_run_ends_it(workplace: Workplace, gates: Gates, point: str) -> None:
    task_id = workplace.submit(TWO_STEPS, complexity=5)
    gates.come_to(point)
    control.cancel(task_id)
    wait_until(lambda: gates.stand_open() or workplace.task(task_id).state in TERMINAL, 60, "its end")
    assert cancelled(workplace, task_id)["killed"] == 0
    kinds = workplace.kinds(task_id)
    assert len(ENDS & set(kinds)) == 1 and kinds.count("task.cancelled") == 1
    if point in POINTS[:2]:
        # The first step's end reads what is wished; after that a whole, short step may be quicker than the hint.
        assert "step.started second" not in kinds
    assert StepState.STARTED not in {step.state for step in workplace.steps(task_id).values()}


def test_task_is_cancelled_at_once_while_nobody_works_on_it(workplace: Workplace) -> None:
    nobody = workplace.submit(TWO_STEPS, complexity=9)
    delayed = workplace.submit(TWO_STEPS, complexity=9, delay="1 h")
    paused = workplace.submit(TWO_STEPS, complexity=9)
    control.pause(paused)
    again = {"wait": "delayed", "first": "1 h", "errors": ["exit_code"]}
    retried = workplace.submit(plan(program("false", retry=again)), complexity=1)
    workplace.wait_for(retried, "task.retry_planned", 60)
    for task_id in (nobody, delayed, paused, retried):
        assert control.cancel(task_id).state == State.CANCELLED
        before = everything(workplace, task_id)
        workplace.reconcile()
        assert everything(workplace, task_id) == before


def test_cancellation_and_finish_agree_who_was_first(workplace: Workplace) -> None:
    chance = random.Random(4)
    for _ in range(20):
        task_id = workplace.submit(plan({"tool": "drill.nothing"}), complexity=1)
        wait_until(lambda task_id=task_id: workplace.task(task_id).state != State.QUEUED, 60, "its run")
        time.sleep(chance.random() * 0.02)
        try:
            was_accepted = control.cancel(task_id).state in (State.RUNNING, State.CANCELLED)
        except Conflict:
            was_accepted = False
        task = workplace.ended(task_id)
        assert task.state == (State.CANCELLED if was_accepted else State.SUCCEEDED)
        kinds = workplace.kinds(task_id)
        assert [kind for kind in kinds if kind in ENDS] == [f"task.{task.state}"] == kinds[-1:]
