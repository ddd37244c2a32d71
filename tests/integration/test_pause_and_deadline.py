"""What interrupts a step in its middle, or a queue in its drain: pauses, the emergency stop, a deadline."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_celery import CeleryBrokerCluster

from models import scope
from models.states import State
from models.step import StepState
from models.task import Task
from tasks.control import agents as rules_of_agents
from tasks.control import emergency
from tasks.control import one_task as control
from tasks.queueing import queues
from tests.support.processes import wait_until
from tests.support.workplace import AgentWanted, Workplace, plan
from worker.chaos.outside import lines_of

QUEUE = "complexity.1"
PLACES = 2


@pytest.fixture(scope="module", autouse=True)
def _worker(workplace: Workplace, celery_broker_cluster: CeleryBrokerCluster) -> None:
    workplace.environment["OPSCORE_DRILL_LEDGER"] = str(workplace.logs / "ledger")
    workplace.ready_worker(AgentWanted("steady", "1-3", PLACES))


@pytest.fixture(autouse=True)
def as_alice() -> Iterator[None]:
    with scope.acting("person:alice"):
        yield


def noting(key: str, tool: str = "note_idempotent", **more: Any) -> dict[str, Any]:
    """A step that leaves a line outside."""
    return {"name": key, "tool": f"drill.{tool}", "with": {"key": key, **more}}


def noted(workplace: Workplace, task_id: str) -> list[str]:
    lines = lines_of(Path(workplace.environment["OPSCORE_DRILL_LEDGER"]))
    return [each["key"] for each in lines if each["idempotency_key"].startswith(task_id)]


def in_its_middle(workplace: Workplace, order: dict[str, Any], complexity: int = 3, **more: Any) -> str:
    """A task whose first step has left its line and still runs."""
    task_id = workplace.submit(order, complexity=complexity, **more)
    wait_until(lambda: noted(workplace, task_id), 60, lambda: f"the step's line: {workplace.kinds(task_id)}")
    return task_id


def in_state(workplace: Workplace, task_id: str, state: State) -> Task:
    wait_until(lambda: workplace.task(task_id).state == state, 60, lambda: f"{state}: {workplace.kinds(task_id)}")
    return workplace.task(task_id)


def test_pause_lets_the_step_finish_and_the_rest_waits_for_the_resume(workplace: Workplace) -> None:
    task_id = in_its_middle(workplace, plan(noting("slow", sleep_s=2), noting("next", "note_once")))
    control.pause(task_id)
    in_state(workplace, task_id, State.PAUSED)
    assert workplace.steps(task_id)["slow"].state == StepState.SUCCEEDED
    assert noted(workplace, task_id) == ["slow"]
    control.resume(task_id)
    assert workplace.succeeded(task_id).run_number == 2
    assert noted(workplace, task_id) == ["slow", "next"]


def test_pause_at_once_cuts_the_step_which_is_repeated_from_what_was_before_it(workplace: Workplace) -> None:
    slow = noting("slow", path="output/log.txt", lines=4, sleep_s=3)
    task_id = in_its_middle(workplace, plan(noting("first", "note_once"), slow, noting("last", "note_once")))
    wait_until(lambda: noted(workplace, task_id)[-1] == "slow", 60, "the second step's line")
    control.pause(task_id, now=True)
    task = in_state(workplace, task_id, State.PAUSED)
    assert task.losses == 0 and workplace.steps(task_id)["slow"].state == StepState.STARTED
    control.resume(task_id)
    task = workplace.succeeded(task_id)
    assert (task.run_number, task.losses, task.attempts) == (2, 0, 0)
    assert noted(workplace, task_id) == ["first", "slow", "slow", "last"]
    assert workplace.files(task_id)["output/log.txt"] == b"".join(b"slow %d\n" % number for number in range(1, 5))


def test_emergency_in_the_middle_of_what_must_not_happen_twice_asks_a_person_who_may_cancel(
    workplace: Workplace,
) -> None:
    task_id = in_its_middle(workplace, plan(noting("send", "note_once", sleep_s=60), noting("next")))
    emergency.stop("a test")
    in_state(workplace, task_id, State.PAUSED)
    emergency.release()
    task = in_state(workplace, task_id, State.WAITING)
    assert task.question is not None and (task.question["kind"], task.question["key"]) == ("once_cut", "send")
    assert noted(workplace, task_id) == ["send"]
    assert control.cancel(task_id).state == State.CANCELLED
    workplace.reconcile()
    kinds = workplace.kinds(task_id)
    assert (kinds.count("task.cancelled"), kinds[-1]) == (1, "task.cancelled")


def test_deadline_in_the_middle_of_a_step_ends_its_tool_and_fails_the_task(workplace: Workplace) -> None:
    task_id = in_its_middle(workplace, plan(noting("slow", sleep_s=600), noting("next")), deadline="3 s")
    task = workplace.failed(task_id)
    assert (task.error_code, task.run_number, task.dead_letter_at is not None) == ("deadline", 1, True)
    step = workplace.steps(task_id)["slow"]
    assert (step.state, step.error_code) == (StepState.FAILED, "deadline")
    workplace.reconcile()
    assert Counter(workplace.kinds(task_id))["task.failed"] == 1 and noted(workplace, task_id) == ["slow"]


@pytest.mark.parametrize("what", ["queue", "agent", "everything"])
def test_pause_in_the_middle_of_a_drain_is_obeyed_by_the_next_claim(workplace: Workplace, what: str) -> None:
    pauses = {
        "queue": (lambda: queues.pause(QUEUE), lambda: queues.resume(QUEUE)),
        "agent": (lambda: rules_of_agents.pause("steady"), lambda: rules_of_agents.resume("steady")),
        "everything": (lambda: emergency.stop("a test"), emergency.release),
    }
    pause, resume = pauses[what]
    waiting = [workplace.submit(plan({"tool": "drill.nothing"}), complexity=1) for _ in range(40)]
    wait_until(lambda: any(workplace.task(each).state == State.SUCCEEDED for each in waiting), 60, "the drain")
    pause()
    states = wait_until(lambda: at_rest(workplace, waiting), 60, "the runs of then end")
    for _ in range(3):
        workplace.reconcile()
    assert at_rest(workplace, waiting) == states
    resume()
    # A wake-up that found nothing meanwhile is gone; the reconciler's rounds send others.
    wait_until(lambda: workplace.reconcile() and succeeded(workplace, waiting), 60, "the rest")
    ends = [Counter(workplace.kinds(task_id))["task.succeeded"] for task_id in waiting]
    assert ends == [1] * len(waiting)


def succeeded(workplace: Workplace, waiting: list[str]) -> bool:
    return {workplace.task(task_id).state for task_id in waiting} == {State.SUCCEEDED}


def at_rest(workplace: Workplace, waiting: list[str]) -> dict[str, str]:
    """The states of the tasks, none of which runs; else nothing."""
    states = {task_id: str(workplace.task(task_id).state) for task_id in waiting}
    return {} if State.RUNNING in states.values() else states
