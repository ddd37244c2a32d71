"""A task is taken once, by the best rank, and a run that was given up writes nothing more."""

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from models import scope
from models.claim import Claim, Claimant, Fenced, claim, end, fenced
from models.columns import now
from models.database import reading, writing
from models.event import Event
from models.plan import Plan
from models.run import Run
from models.states import Move, State, move
from models.task import Task

SCOUT = Claimant("scout", None, "host-a", 100, 1.0)


def queued(complexity: int = 3, older_by: float = 0, **values: object) -> Task:
    """A queued task of that complexity, submitted so many seconds ago."""
    at = now() - timedelta(seconds=older_by)
    with writing() as session:
        task = Task(
            title="t",
            complexity=complexity,
            queue=f"complexity.{complexity}",
            plan=Plan(content={}),
            rank_at=at,
            submitted_at=at,
            event_count=1,
            **values,
        )
        session.add(task)
    return task


def take(*queues: str) -> Claim | None:
    with scope.wide("agent:scout"), writing() as session:
        return claim(session, list(queues), SCOUT)


def test_lowest_rank_of_all_served_queues_is_claimed_first(app: Flask) -> None:
    late, early = queued(3, older_by=1), queued(4, older_by=5)
    queued(9, older_by=99)
    taken = [take("complexity.3", "complexity.4") for _ in range(3)]
    assert [each and each.task_id for each in taken] == [early.id, late.id, None]


def test_task_is_not_claimed_before_its_time(app: Flask) -> None:
    queued(waits_until=now() + timedelta(hours=1))
    assert take("complexity.3") is None


def test_claim_raises_the_run_number_sets_a_lease_and_leaves_a_run(app: Flask) -> None:
    task = queued()
    taken = take("complexity.3")
    assert taken is not None
    with reading() as session:
        row = session.scalars(select(Task).where(Task.id == task.id)).one()
        run = session.scalars(select(Run)).one()
        kinds = [each.kind for each in session.scalars(select(Event).order_by(Event.number))]
    assert (row.state, row.run_number, row.agent) == (State.RUNNING, 1, "scout")
    assert row.lease_expires_at is not None and timedelta(seconds=25) < row.lease_expires_at - now()
    assert (run.number, run.pid, run.host, run.ended_at) == (1, 100, "host-a", None)
    assert kinds == ["task.claimed"]


def test_two_hundred_tasks_are_claimed_once_each_by_eight_threads(app: Flask) -> None:
    tasks = {queued(level % 3 + 1).id for level in range(200)}
    claimed: list[str] = []

    def work() -> None:
        with app.app_context():
            while taken := take("complexity.1", "complexity.2", "complexity.3"):
                claimed.append(taken.task_id)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    # A thread that met only rows that others were taking may end early; what is left is taken here.
    work()
    assert sorted(claimed) == sorted(tasks)


def test_run_that_was_given_up_cannot_write_and_cannot_end(app: Flask) -> None:
    queued()
    first = take("complexity.3")
    assert first is not None
    with writing() as session:
        move(session, Move.REQUEUE, Task.id == first.task_id)
    second = take("complexity.3")
    assert second is not None and second.run_number == 2
    with pytest.raises(Fenced), writing() as session:
        fenced(session, first, steps_done=7)
    with pytest.raises(Fenced), writing() as session:
        end(session, first, Move.SUCCEED, "succeeded")
    with writing() as session:
        end(session, second, Move.SUCCEED, "succeeded")
    with reading() as session:
        row = session.scalars(select(Task)).one()
    assert (row.state, row.steps_done) == (State.SUCCEEDED, 0)


def test_fenced_writes_number_the_timeline_without_gaps(app: Flask) -> None:
    queued()
    taken = take("complexity.3")
    assert taken is not None
    numbers = []
    for _ in range(5):
        with writing() as session:
            numbers.append(fenced(session, taken))
    assert numbers == [3, 4, 5, 6, 7]
