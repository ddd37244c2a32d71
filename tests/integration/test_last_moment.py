"""A wish that comes while a run is ending in its own way is obeyed, by it or by the next run, and never forgotten."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from models import scope
from models.database import reading, writing
from models.event import Event
from models.states import State
from models.task import Task
from tasks.control import one_task as control
from tasks.orders.submission import Order, submit
from tests.support.simulation import Process, World, simulated
from tools.contract import Effect

FAILS = {"name": "s0", "stage": "build", "tool": f"sim.{Effect.IDEMPOTENT}", "with": {"fails": True}}


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with simulated(app) as made:
        yield made


def begun(world: World, *steps: dict[str, Any], attempts: int = 2) -> tuple[str, Process]:
    """A task that is claimed, and its process."""
    plan = json.dumps({"name": "sim", "complexity": 1, "steps": list(steps)})
    with scope.acting("person:alice"):
        retry = {"attempts": attempts, "wait": "delayed", "first": "1h", "errors": "any"}
        task = submit(Order(playbook=plan, retry=retry)).task
    process = world.processes[0]
    process.wake()
    return task.id, process


def until(process: Process, point: str) -> None:
    while process.at != point:
        process.go_on()
        assert process.is_busy


def to_its_end(process: Process) -> None:
    while process.is_busy:
        process.go_on()


def asked(act: Callable[[str], Any], task_id: str) -> None:
    with scope.acting("person:alice"):
        act(task_id)


def stands(task_id: str) -> tuple[str, str]:
    """Its state, and the last line of its timeline."""
    with scope.wide("system:test"), reading() as session:
        state = session.scalars(select(Task.state).where(Task.id == task_id)).one()
        lines = select(Event.kind).where(Event.subject_id == task_id).order_by(Event.number.desc()).limit(1)
        return state, session.scalars(lines).one()


def now_pause(task_id: str) -> Task:
    return control.pause(task_id, now=True)


@pytest.mark.parametrize(
    ("act", "state"), [(control.pause, State.PAUSED), (now_pause, State.PAUSED), (control.cancel, State.CANCELLED)]
)
def test_a_step_that_fails_is_not_waited_for_where_somebody_wants_something_else(
    world: World, act: Callable[[str], Any], state: State
) -> None:
    task_id, process = begun(world, FAILS)
    until(process, "tool.before_effect")
    asked(act, task_id)
    with scope.wide("system:test"):
        process.beat()
    to_its_end(process)
    assert stands(task_id) == (state, f"task.{state}")


@pytest.mark.parametrize(("step", "attempts"), [(FAILS, 2), (FAILS, 1), ({**FAILS, "with": {}}, 2)])
def test_a_cancellation_that_the_run_has_not_seen_yet_wins_over_its_end(
    world: World, step: dict[str, Any], attempts: int
) -> None:
    task_id, process = begun(world, step, attempts=attempts)
    until(process, "step.before_finish")
    asked(control.cancel, task_id)
    to_its_end(process)
    assert stands(task_id) == (State.CANCELLED, "task.cancelled")


def test_a_pause_that_the_run_has_not_seen_yet_is_the_next_runs_to_obey(world: World) -> None:
    task_id, process = begun(world, FAILS)
    until(process, "step.before_finish")
    asked(control.pause, task_id)
    to_its_end(process)
    assert stands(task_id) == (State.QUEUED, "task.retry_planned")
    with scope.wide("system:test"), writing() as session:
        session.execute(update(Task).where(Task.id == task_id).values(waits_until=None))
    process.wake()
    to_its_end(process)
    assert stands(task_id) == (State.PAUSED, "task.paused")
    asked(control.resume, task_id)
    assert stands(task_id) == (State.QUEUED, "task.resumed")


def test_a_task_that_would_ask_a_person_is_cancelled_where_that_is_wanted(world: World) -> None:
    task_id, process = begun(world, {**FAILS, "tool": f"sim.{Effect.ONCE}", "with": {}})
    until(process, "tool.after_effect")
    process.die()
    with scope.wide("system:test"), writing() as session:
        lost = update(Task).where(Task.id == task_id)
        session.execute(lost.values(state=State.QUEUED))
    process.wake()
    asked(control.cancel, task_id)
    to_its_end(process)
    assert stands(task_id) == (State.CANCELLED, "task.cancelled")
