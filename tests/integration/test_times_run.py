"""Start times, deadlines and schedules through a real reconciler and a real worker."""

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest
from pytest_celery import CeleryWorkerCluster
from sqlalchemy import select

from models import scope
from models.agent import Agent
from models.database import reading, writing
from models.schedule import Firing, Outcome
from models.states import State
from models.task import Task
from tasks.control import one_task as control
from tasks.orders.submission import Order
from tasks.scheduling import schedules
from tasks.scheduling.schedules import Wanted
from tests.support.processes import LocalProcess, wait_until
from tests.support.workplace import LOOK, AgentWanted, Workplace, plan, program


@pytest.fixture(scope="module")
def agents() -> list[AgentWanted]:
    """One worker with two places."""
    return [AgentWanted("scout", "1-10", concurrency=2)]


@pytest.fixture(scope="module", autouse=True)
def _reconciler(workplace: Workplace, celery_worker_cluster: CeleryWorkerCluster) -> Iterator[None]:
    """A reconciler that leads."""
    command = [sys.executable, "-m", "worker.reconciler"]
    process = LocalProcess("reconciler", command, workplace.environment, workplace.logs / "reconciler.log")
    wait_until(lambda: b"reconciler.started" in process.logs(), 60, "the reconciler is at work")
    yield
    process.end()


def test_delayed_task_starts_when_its_time_has_come_and_not_before(workplace: Workplace) -> None:
    task_id = workplace.submit(plan(LOOK), delay="2 s")
    waits_until = workplace.task(task_id).waits_until
    task = workplace.succeeded(task_id)
    assert waits_until is not None and task.started_at is not None
    assert task.started_at >= waits_until
    assert task.waits_until is None


def test_running_task_ends_at_its_deadline_with_its_tool(workplace: Workplace) -> None:
    task = workplace.failed(workplace.submit(plan(program("sleep", "600")), deadline="3 s"))
    assert (task.error_code, task.run_number) == ("deadline", 1)
    assert task.finished_at is not None and task.deadline_at is not None
    assert task.finished_at >= task.deadline_at


def test_task_that_nobody_takes_fails_at_its_deadline(workplace: Workplace) -> None:
    with scope.acting("person:alice"), writing() as session:
        session.add(Agent(name="nobody", complexity_min=1, complexity_max=1))
    task = workplace.failed(workplace.submit(plan(LOOK), agent="nobody", deadline="2 s"))
    assert (task.error_code, task.run_number) == ("deadline", 0)


def test_each_time_of_a_schedule_is_one_task_that_runs(workplace: Workplace) -> None:
    with scope.acting("person:alice"):
        order = Order(playbook=json.dumps(plan(LOOK, name="look")))
        schedule = schedules.create(Wanted("look", order, "interval", "1 s", overlap="allow"))
        wait_until(lambda: len(_firings(schedule.id)) >= 3, 60, "three times came")
        schedules.pause(schedule.id)
        firings = _firings(schedule.id)
    assert all(after.due_at - before.due_at == timedelta(seconds=1) for before, after in pairwise(firings))
    assert {firing.outcome for firing in firings} == {Outcome.SUBMITTED}
    ended = [workplace.succeeded(str(firing.task_id)) for firing in firings]
    assert len({task.id for task in ended}) == len(firings)
    with scope.acting("person:alice"), reading() as session:
        mine = session.scalars(select(Task.id).where(Task.schedule_id == schedule.id))
        assert set(mine) == {task.id for task in ended}


def test_replaced_task_is_cancelled_with_its_tool_and_the_next_one_runs(workplace: Workplace) -> None:
    with scope.acting("person:alice"):
        order = Order(playbook=json.dumps(plan(program("sleep", "600"), name="sleep")))
        schedule = schedules.create(Wanted("sleep", order, "interval", "2 s", overlap="replace"))
        wait_until(lambda: len(_firings(schedule.id)) >= 2, 60, "two times came")
        schedules.pause(schedule.id)
        first, second = [str(firing.task_id) for firing in _firings(schedule.id)][:2]
    assert workplace.ended(first).state == State.CANCELLED
    workplace.wait_for(second, "task.claimed")
    with scope.acting("person:alice"):
        control.cancel(second)
    assert workplace.ended(second).state == State.CANCELLED


def _firings(schedule_id: str) -> list[Firing]:
    with reading() as session:
        mine = select(Firing).where(Firing.schedule_id == schedule_id).order_by(Firing.due_at)
        return list(session.scalars(mine))
