"""Claim a task, and write for a run that may have been given up meanwhile.

Every write of a run is fenced: it names the run number that it was given, and a write that
meets no row says that another run owns the task now.  The fence, the task's event counter
and the write itself are one statement.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import literal, select, union_all, update
from sqlalchemy.orm import Session

from models import event
from models.columns import database_now, now
from models.errors import Conflict
from models.run import Run
from models.states import Move, State, move
from models.task import Task

LEASE = timedelta(seconds=30)
# With more workers at the same moment one may find nothing to claim; the reconciler wakes it again.
CLAIMED_AT_ONCE = 32


class Fenced(Conflict):
    """Another run owns the task: stop its processes and write nothing more."""

    code = "fenced"


@dataclass(frozen=True)
class Claimant:
    """The process that takes tasks: whose agent, which worker, where."""

    agent: str
    worker_id: str | None
    host: str
    pid: int
    process_started_at: float


@dataclass(frozen=True)
class Claim:
    """The right to work on a task until another run takes it."""

    task_id: str
    tenant: str
    run_number: int
    epoch: int
    agent: str
    queue: str


def claim(session: Session, queues: list[str], claimant: Claimant) -> Claim | None:
    """Take the best claimable task of the queues; None when there is none.  Runs in the wide scope."""
    chosen = _best(queues)
    try:
        task = move(
            session,
            Move.CLAIM,
            Task.number == chosen,
            run_number=Task.run_number + 1,
            agent=claimant.agent,
            lease_expires_at=database_now(LEASE),
        )
    except Conflict:
        return None
    task.started_at = task.started_at or now()
    session.add(
        Run(
            task_id=task.id,
            tenant=task.tenant,
            number=task.run_number,
            epoch=task.epoch,
            agent=claimant.agent,
            worker_id=claimant.worker_id,
            host=claimant.host,
            pid=claimant.pid,
            process_started_at=claimant.process_started_at,
        )
    )
    told = {"agent": claimant.agent, "run": task.run_number, "host": claimant.host}
    event.record(session, "task", task.id, task.event_count, "task.claimed", task.tenant, **told)
    return Claim(task.id, task.tenant, task.run_number, task.epoch, claimant.agent, task.queue)


def _best(queues: list[str]) -> Any:
    """The number of the claimable task with the lowest rank: the first of each queue, then the best of these.

    One look into the index per queue, however many tasks wait.  Rows that other workers are taking
    at this moment are passed over, and only the chosen one is locked (PostgreSQL; SQLite has one
    writer at a time): a worker that locked more would let another find nothing and go.
    """
    is_queued = Task.state == literal(State.QUEUED.value, literal_execute=True)
    heads = []
    for name in queues:
        wanted = select(Task.number).where(Task.queue == name, is_queued, Task.waits_until.is_(None))
        heads.append(select(wanted.order_by(Task.rank_at).limit(CLAIMED_AT_ONCE).subquery().c.number))
    best = select(Task.number).where(is_queued, Task.number.in_(union_all(*heads)))
    return best.order_by(Task.rank_at).limit(1).with_for_update(skip_locked=True).scalar_subquery()


def fenced(session: Session, claim: Claim, **values: Any) -> int:
    """Write to the claimed task and take the next number of its timeline.

    Raises:
        Fenced: another run owns the task, or it is not running any more.
    """
    mine = update(Task).where(
        Task.id == claim.task_id, Task.run_number == claim.run_number, Task.state == State.RUNNING
    )
    number = session.scalar(
        mine.values(event_count=Task.event_count + 1, **values)
        .returning(Task.event_count)
        .execution_options(synchronize_session=False)
    )
    if number is None:
        raise Fenced("cannot write: another run owns this task", task_id=claim.task_id, run=claim.run_number)
    return number


def end(session: Session, claim: Claim, what: Move, outcome: str, **values: Any) -> int:
    """Make the run's last move; returns the number of its event.

    Raises:
        Fenced: another run owns the task, or it is not running any more.
    """
    try:
        task = move(
            session,
            what,
            Task.id == claim.task_id,
            Task.run_number == claim.run_number,
            lease_expires_at=None,
            **values,
        )
    except Conflict as error:
        raise Fenced("cannot end the run", task_id=claim.task_id, run=claim.run_number) from error
    close_run(session, claim.task_id, claim.run_number, outcome)
    return int(task.event_count)


def close_run(session: Session, task_id: str, number: int, outcome: str) -> None:
    """Note how the run ended, unless that was noted before."""
    run = update(Run).where(Run.task_id == task_id, Run.number == number, Run.ended_at.is_(None))
    session.execute(run.values(ended_at=now(), outcome=outcome).execution_options(synchronize_session=False))
