"""The transaction that ends a run claims the next task, and its answer is lost: one process works on that task.

Both histories were found by tests/integration/test_lifecycle.py.
"""

import json
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from models import scope
from models.database import reading
from models.states import State
from models.task import Task
from tasks.control import one_task as control
from tasks.orders.submission import Order, submit
from tests.support.simulation import LOSE_IT, LOSE_THE_ANSWER, Process, World, simulated
from tools.contract import Effect


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with simulated(app) as made:
        yield made


def submitted(effect: Effect) -> str:
    plan = {"name": "sim", "complexity": 1, "steps": [{"name": "s0", "stage": "build", "tool": f"sim.{effect}"}]}
    with scope.acting("person:alice"):
        return submit(Order(playbook=json.dumps(plan))).task.id


def until_asleep_over_its_end(world: World, process: Process, fate: str) -> None:
    """Come to the end of the first task with this fate of the commit, and wait before the next try."""
    process.wake()
    while process.at != "task.before_end":
        process.go_on()
    world.commit_fate = fate
    process.go_on()
    assert process.at == "asleep"


def to_their_ends(*processes: Process) -> None:
    """In turn, a point each."""
    while busy := [process for process in processes if process.is_busy]:
        for process in busy:
            process.go_on()


def task(task_id: str) -> Task:
    with scope.wide("system:test"), reading() as session:
        return session.scalars(select(Task).where(Task.id == task_id)).one()


def test_a_claim_that_stands_is_worked_on_though_its_run_was_told_to_leave(world: World) -> None:
    submitted(Effect.IDEMPOTENT)
    second = submitted(Effect.IDEMPOTENT)
    process = world.processes[0]
    until_asleep_over_its_end(world, process, LOSE_THE_ANSWER)
    assert task(second).state == State.RUNNING
    with scope.wide("system:test"):
        process.beat()  # its task has ended, so this tells it that it is nobody's run
    to_their_ends(process)
    assert (task(second).state, task(second).run_number) == (State.SUCCEEDED, 1)


def test_a_claim_that_was_rolled_back_is_not_worked_on_beside_its_owner(world: World) -> None:
    first = submitted(Effect.IDEMPOTENT)
    second = submitted(Effect.ONCE)
    process, other = world.processes[:2]
    until_asleep_over_its_end(world, process, LOSE_IT)
    with scope.acting("person:alice"):
        control.cancel(first)
    other.wake()
    assert task(second).run_number == 1
    to_their_ends(process, other)
    assert (task(first).state, task(second).state) == (State.CANCELLED, State.SUCCEEDED)
    assert [effect[1:] for effect in world.effects if effect[0] is Effect.ONCE] == [(second, "s0")]
