"""A round does what time has brought, by the database's clock, and gives back what no run is at any more."""

import socket
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from models import claim as claims
from models import columns, scope
from models.claim import Claim, Claimant, claim
from models.columns import database_now, now
from models.database import reading, writing
from models.event import Event
from models.plan import Plan
from models.run import Run
from models.states import State
from models.step import CUT_OFF, Step, StepState
from models.task import Task
from tasks.control import standing
from tasks.reconcile import Round, quick, rescue
from tests.support.factories import make_step

HERE = socket.gethostname()
GONE = Claimant("scout", None, HERE, 2**22 + 1, 1.0)
ELSEWHERE = Claimant("scout", None, "another-host", 1, 1.0)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
EARLIER, LATER = database_now(-timedelta(seconds=1)), database_now(timedelta(hours=1))
PASSED = datetime(2026, 1, 1, tzinfo=UTC)


def queued(**values: Any) -> Task:
    at = now()
    with writing() as session:
        facts: dict[str, Any] = {"title": "t", "complexity": 3, "queue": "complexity.3", "rank_at": at}
        task = Task(plan=Plan(content={}), **facts, published_at=at)
        for name, value in values.items():
            setattr(task, name, value)
        session.add(task)
    return task


def running(claimant: Claimant, **values: Any) -> Task:
    """A task that the claimant has, with these columns besides."""
    task = queued()
    with scope.wide("agent:scout"), writing() as session:
        taken = claim(session, ["complexity.3"], claimant)
        assert isinstance(taken, Claim) and taken.task_id == task.id
        session.execute(update(Task).where(Task.id == task.id).values(**{"losses": 0, **values}))
    return task


def row(task: Task) -> Task:
    with reading() as session:
        return session.scalars(select(Task).where(Task.id == task.id)).one()


def last_event(task: Task) -> tuple[str, dict[str, Any]]:
    with reading() as session:
        found = select(Event).where(Event.subject_id == task.id).order_by(Event.number.desc()).limit(1)
        event = session.scalars(found).one()
        return event.kind, event.data


def round_() -> Round:
    with scope.wide("system:reconciler"):
        return quick()


def test_task_whose_start_has_come_may_be_claimed_and_one_that_is_to_come_may_not(app: Flask) -> None:
    come, to_come = queued(waits_until=EARLIER), queued(waits_until=LATER)
    assert round_().due == 1
    assert row(come).waits_until is None
    assert row(to_come).waits_until is not None
    assert round_().due == 0


@pytest.mark.parametrize("state", [State.QUEUED, State.WAITING, State.PAUSED])
def test_idle_task_past_its_deadline_fails_and_is_a_dead_letter(app: Flask, state: State) -> None:
    task = queued(state=state, deadline_at=EARLIER)
    in_time = queued(state=state, deadline_at=LATER)
    assert round_().late == 1
    found = row(task)
    assert (found.state, found.error_code) == (State.FAILED, "deadline")
    assert found.finished_at is not None and found.dead_letter_at is not None
    assert last_event(task)[0] == "task.failed"
    assert row(in_time).state == state


def test_task_that_fails_at_its_deadline_leaves_no_open_step_no_question_and_no_hold(app: Flask) -> None:
    task = queued(state=State.WAITING, deadline_at=EARLIER, question={"kind": "once_cut"}, emergency_at=PASSED)
    with writing() as session:
        make_step(session, session.merge(task), position=1, state=StepState.STARTED)
    round_()
    found = row(task)
    assert (found.state, found.question, found.emergency_at) == (State.FAILED, None, None)
    with reading() as session:
        step = session.scalars(select(Step).where(Step.task_id == task.id)).one()
    assert (step.state, step.error_code) == (StepState.FAILED, CUT_OFF)


def test_deadline_of_a_running_task_is_its_runs_to_keep(app: Flask) -> None:
    task = running(ELSEWHERE, deadline_at=EARLIER)
    assert round_().late == 0
    assert row(task).state == State.RUNNING


def test_run_on_another_host_is_given_back_by_the_end_of_its_lease_and_by_nothing_else(app: Flask) -> None:
    task = running(ELSEWHERE)
    assert round_().requeued == 0
    with scope.wide("system:test"), writing() as session:
        session.execute(update(Task).values(lease_expires_at=LONG_AGO))
    assert round_().requeued == 1
    found = row(task)
    assert (found.state, found.losses, found.lease_expires_at) == (State.QUEUED, 1, None)
    with reading() as session:
        run = session.scalars(select(Run)).one()
    assert (run.outcome, run.ended_at) == ("lost", LONG_AGO)
    kind, told = last_event(task)
    assert kind == "task.requeued" and "on another-host was not heard of" in told["reason"]


def test_run_whose_process_on_this_host_is_dead_is_given_back_before_its_lease_ends(app: Flask) -> None:
    task = running(GONE)
    assert round_().requeued == 1
    assert (row(task).state, row(task).losses) == (State.QUEUED, 1)


def test_run_that_beats_in_the_last_moment_keeps_its_task(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    task = running(ELSEWHERE, lease_expires_at=EARLIER)
    give_back = rescue.give_back

    def beaten_before(*given: Any, **more: Any) -> bool:
        with writing() as session:
            session.execute(update(Task).values(lease_expires_at=LATER))
        return give_back(*given, **more)

    monkeypatch.setattr(rescue, "give_back", beaten_before)
    assert round_().requeued == 0
    assert row(task).state == State.RUNNING
    with reading() as session:
        assert session.scalars(select(Run)).one().ended_at is None


@pytest.mark.parametrize("modules", [(columns, claims, standing, rescue)])
def test_clock_of_the_host_that_jumps_expires_no_lease_and_starts_nothing(
    app: Flask, monkeypatch: pytest.MonkeyPatch, modules: tuple[ModuleType, ...]
) -> None:
    task, delayed = running(ELSEWHERE), queued(waits_until=LATER, deadline_at=LATER)
    for days in (-2, 2):
        for module in modules:
            monkeypatch.setattr(module, "now", lambda days=days: datetime.now(UTC) + timedelta(days=days))
        assert not any(vars(round_()).values())
    assert row(task).state == State.RUNNING
    assert row(delayed).waits_until is not None


@pytest.mark.parametrize(
    ("values", "state", "kind"),
    [
        ({"cancel_requested_at": PASSED, "stop_requested_at": PASSED}, State.CANCELLED, "task.cancelled"),
        ({"stop_requested_at": PASSED, "losses": 9}, State.PAUSED, "task.paused"),
        ({"deadline_at": PASSED, "losses": 9}, State.FAILED, "task.failed"),
        ({"losses": rescue.MOST_LOSSES - 1, "pause_requested_at": PASSED}, State.FAILED, "task.failed"),
        ({"pause_requested_at": PASSED}, State.PAUSED, "task.paused"),
        ({}, State.QUEUED, "task.requeued"),
    ],
)
def test_what_becomes_of_a_lost_run_follows_from_wishes_deadline_and_losses(
    app: Flask, values: dict[str, Any], state: State, kind: str
) -> None:
    task = running(GONE, **values)
    with scope.acting("person:alice"), writing() as session:
        mine = session.scalars(select(Task).where(Task.id == task.id)).one()
        step = make_step(session, mine, 1, StepState.STARTED)
    assert round_().requeued == 1
    found = row(task)
    assert (found.state, last_event(task)[0]) == (state, kind)
    assert (found.dead_letter_at is not None) is (state == State.FAILED)
    with reading() as session:
        left = session.scalars(select(Step.state).where(Step.id == step.id)).one()
    assert (left == StepState.STARTED) is (state in (State.PAUSED, State.QUEUED))
