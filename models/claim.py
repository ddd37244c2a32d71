"""Claim a task, and write for a run that may have been given up meanwhile.

Every write of a run is fenced: it names the run number that it was given and the number of its write, and one
that meets no row says that another run owns the task now.  The fence, the task's event counter and the write
itself are one statement.  Which queues may be claimed from: open_queues.py.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, literal, select, union_all, update
from sqlalchemy.orm import Session

from models import event
from models.columns import database_now, new_id, now
from models.errors import Conflict
from models.open_queues import open_queues
from models.run import Run
from models.states import Move, State, move
from models.task import Task

LEASE = timedelta(seconds=30)
# With more workers at the same moment one may find nothing to claim; the reconciler wakes it again.
CLAIMED_AT_ONCE = 32


class Fenced(Conflict):
    """Another run owns the task: stop its processes and write nothing more."""

    code = "fenced"


class Lost(Fenced):
    """The database was silent until the lease's end: nothing proves any more that the task is this run's."""

    code = "lost"


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
    task: Task = field(repr=False, compare=False)
    """The row as it was when it was claimed."""


def claim(
    session: Session, queues: list[str], claimant: Claimant, *, run_id: str = "", lease: timedelta = LEASE
) -> Claim | None:
    """Take the best claimable task of the queues; None when there is none.  Runs in the wide scope.

    Whoever names the `run_id` can ask `claimed` afterwards whether the claim stands.
    """
    may_be_taken = open_queues(session, queues, claimant.agent)
    if not may_be_taken:
        return None
    try:
        task = move(
            session,
            Move.CLAIM,
            Task.number == _best(may_be_taken),
            run_number=Task.run_number + 1,
            run_writes=0,
            agent=claimant.agent,
            lease_expires_at=database_now(lease),
            # Wishes are to a run: those to an earlier one were fulfilled, or died with it.
            stop_requested_at=None,
            pause_requested_at=None,
        )
    except Conflict:
        return None
    task.started_at = task.started_at or now()
    session.add(
        Run(
            id=run_id or new_id(),
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
    return _of(task)


def claimed(session: Session, run_id: str) -> Claim | None:
    """The claim of that run if it stands; for whoever lost the answer to the commit.  Runs in the wide scope."""
    mine = select(Task).join(Run, (Run.task_id == Task.id) & (Run.number == Task.run_number))
    task = session.scalars(mine.where(Run.id == run_id, Task.state == State.RUNNING)).one_or_none()
    return _of(task) if task is not None else None


def _of(task: Task) -> Claim:
    return Claim(task.id, task.tenant, task.run_number, task.epoch, task.agent or "", task.queue, task)


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
    return int(write(session, claim, None, events=1, **values).event_count)


def write(session: Session, claim: Claim, seen: int | None, *, events: int, **values: Any) -> Any:
    """Write to the claimed task and take the next `events` numbers of its timeline, of which the row has the last.

    `seen` is how often this run has written before: a write that stands is not made twice.  None does not ask.

    Raises:
        Fenced: another run owns the task, or it is not running any more.
    """
    raised = {"event_count": Task.event_count + events, "run_writes": Task.run_writes + 1}
    row = session.execute(
        update(Task)
        .where(*_mine(claim, seen))
        .values(**raised, **values)
        .returning(Task.event_count, *WISHES)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        raise Fenced("cannot write: another run owns this task", task_id=claim.task_id, run=claim.run_number)
    return row


def _mine(claim: Claim, seen: int | None) -> list[ColumnElement[bool]]:
    mine = [Task.id == claim.task_id, Task.run_number == claim.run_number, Task.state == State.RUNNING]
    return mine if seen is None else [*mine, Task.run_writes == seen]


WISHES = (
    Task.cancel_requested_at,
    Task.stop_requested_at,
    Task.pause_requested_at,
    (Task.deadline_at <= database_now()).label("is_late"),
)
"""What people want of the run that has the task, and whether its time is up."""


def end(
    session: Session,
    claim: Claim,
    what: Move,
    outcome: str,
    seen: int | None = None,
    *,
    events: int = 1,
    **values: Any,
) -> Task:
    """Make the run's last move; returns the task as it stands then, with the last of its `events` numbers.

    A task that somebody wants cancelled does not succeed.

    Raises:
        Fenced: another run owns the task, it is not running any more, or it is to be cancelled.
    """
    conditions = _mine(claim, seen)
    if what is Move.SUCCEED:
        conditions.append(Task.cancel_requested_at.is_(None))
    raised = {"run_writes": Task.run_writes + 1, "lease_expires_at": None}
    try:
        task: Task = move(session, what, *conditions, events=events, **raised, **values)
    except Conflict as error:
        raise Fenced("cannot end the run", task_id=claim.task_id, run=claim.run_number) from error
    close_run(session, claim.task_id, claim.run_number, outcome)
    return task


def close_run(session: Session, task_id: str, number: int, outcome: str) -> None:
    """Note how the run ended, unless that was noted before."""
    run = update(Run).where(Run.task_id == task_id, Run.number == number, Run.ended_at.is_(None))
    session.execute(run.values(ended_at=now(), outcome=outcome).execution_options(synchronize_session=False))


def since(session: Session, at: datetime | None) -> float | None:
    """Seconds since then by the database's clock."""
    if at is None:
        return None
    # Through the connection: inside a tenant a session refuses what is about no table.
    passed: float = (session.connection().execute(select(database_now())).scalar_one() - at).total_seconds()
    return passed
