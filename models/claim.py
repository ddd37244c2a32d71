"""Claim a task, and write for a run that may have been given up meanwhile.

Every write of a run is fenced: it names the run number that it was given and the number of its write, and one
that meets no row says that another run owns the task now.  The fence, the task's event counter and the write
itself are one statement.  Which queues may be claimed from: open_queues.py.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any, cast

from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Row,
    Update,
    bindparam,
    func,
    insert,
    literal,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from models import event
from models.agent import Agent
from models.columns import UtcTime, database_now, is_one_of, new_id, now
from models.database import together
from models.errors import Conflict
from models.open_queues import has_rules, open_queues, rules_of
from models.run import Run
from models.scope import current
from models.states import Move, State, moving
from models.task import Task

LEASE = timedelta(seconds=30)
READ = tuple(
    Task.__table__.c[name]
    for name in (
        "id", "tenant", "title", "description", "inputs", "limits", "retry", "template", "plan_id", "queue", "agent",
        "epoch", "run_number", "attempts", "steps_done", "event_count", "deadline_at",
        "cancel_requested_at", "stop_requested_at", "pause_requested_at",
    )
)  # fmt: skip
"""What a run reads of its task's row: each further column costs every claim."""
# With more workers at the same moment one may find nothing to claim; the reconciler wakes it again.  Part of the
# statement's text: PostgreSQL takes an unknown limit for a tenth of the table, and then plans each claim anew.
CLAIMED_AT_ONCE = literal(32, literal_execute=True)
ONE = literal(1, literal_execute=True)


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
    """The row as it was when it was claimed; of it there is what `READ` names."""
    limits_of_agent: dict[str, Any] | None = field(default=None, repr=False, compare=False)
    """What the agent was allowed then; None where that was not asked."""
    approvals_of_agent: list[str] | None = field(default=None, repr=False, compare=False)
    """Before what it had to ask a person then; None as above."""


def claim(
    session: Session, queues: list[str], claimant: Claimant, *, run_id: str = "", lease: timedelta = LEASE
) -> Claim | None:
    """Take the best claimable task of the queues; None when there is none.  Runs in the wide scope.

    Whoever names the `run_id` can ask `claimed` afterwards whether the claim stands.
    """
    row = _take(session, _claiming(tuple(queues), lease, is_without_rules=True), claimant)
    if row is None and (rules := rules_of(session, queues, claimant.agent)):
        may_be_taken = open_queues(session, rules, queues, claimant.agent)
        row = _take(session, _claiming(tuple(may_be_taken), lease), claimant) if may_be_taken else None
    if row is None:
        return None
    # Only read, by its columns' names: to make an object of it costs as much as the statement.
    taken = _of(cast("Task", row), row.of_agent or {}, row.asks or [])
    _note_run(session, taken, claimant, run_id or new_id())
    return taken


def _take(session: Session, statement: Update, claimant: Claimant) -> Row[Any] | None:
    # Prepared once and run on the connection itself: this is done for every task.
    given = {"claimant": claimant.agent, "host_now": now()}
    return session.connection().execute(statement, given).one_or_none()


def _note_run(session: Session, taken: Claim, claimant: Claimant, run_id: str) -> None:
    signed = {"tenant": taken.tenant, "author": current().author}
    at = {"host": claimant.host, "pid": claimant.pid, "process_started_at": claimant.process_started_at}
    named = {"task_id": taken.task_id, "number": taken.run_number, "epoch": taken.epoch}
    run = {"id": run_id, **named, **at, **signed, "agent": claimant.agent, "worker_id": claimant.worker_id}
    together(session, _NEW_RUN, [run])
    told = {"agent": claimant.agent, "run": taken.run_number, "host": claimant.host}
    event.write(session, [event.line(taken.task_id, taken.tenant, taken.task.event_count, "task.claimed", told)])


def claimed(session: Session, run_id: str) -> Claim | None:
    """The claim of that run if it stands; for whoever lost the answer to the commit.  Runs in the wide scope."""
    mine = select(Task).join(Run, (Run.task_id == Task.id) & (Run.number == Task.run_number))
    task = session.scalars(mine.where(Run.id == run_id, Task.state == State.RUNNING)).one_or_none()
    return _of(task, None, None) if task is not None else None


def _of(task: Task, of_agent: dict[str, Any] | None, asks: list[str] | None) -> Claim:
    named = (task.id, task.tenant, task.run_number, task.epoch, task.agent or "", task.queue)
    return Claim(*named, task, of_agent, asks)


@lru_cache(maxsize=32)
def _claiming(queues: tuple[str, ...], lease: timedelta, *, is_without_rules: bool = False) -> Update:
    """The claim; where asked, only if nobody has decided anything about these queues and this agent."""
    agent = bindparam("claimant", type_=Task.__table__.c.agent.type)
    statement = moving(Move.CLAIM).where(Task.number == _best(queues))
    if is_without_rules:
        statement = statement.where(~has_rules(queues, agent))
    values = {
        "event_count": Task.event_count + 1,
        "run_number": Task.run_number + 1,
        "run_writes": 0,
        "agent": agent,
        "lease_expires_at": database_now(lease),
        "started_at": func.coalesce(Task.started_at, bindparam("host_now", type_=UtcTime)),
    }
    # In what SQLite gives back, SQLAlchemy writes no column's table: both tenants would be the agent's.
    of_the_task: ColumnElement[str] = literal_column("task.tenant")
    of_agent, asks = (
        select(column).where(Agent.name == agent, Agent.tenant == of_the_task).scalar_subquery()
        for column in (Agent.limits, Agent.approvals)
    )
    return statement.values(values).returning(*READ, of_agent.label("of_agent"), asks.label("asks"))


def _best(queues: tuple[str, ...]) -> Any:
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
    best = select(Task.number).where(is_queued, is_one_of(Task.number, union_all(*heads).scalar_subquery()))
    return best.order_by(Task.rank_at).limit(ONE).with_for_update(skip_locked=True).scalar_subquery()


def fenced(session: Session, claim: Claim, **values: Any) -> int:
    """Write to the claimed task and take the next number of its timeline.

    Raises:
        Fenced: another run owns the task, or it is not running any more.
    """
    return int(write(session, claim, None, events=1, **values).event_count)


def write(session: Session, claim: Claim, seen: int | None, *, events: int, **values: Any) -> Row[Any]:
    """Write to the claimed task and take the next `events` numbers of its timeline, of which the row has the last.

    `seen` is how often this run has written before: a write that stands is not made twice.  None does not ask.

    Raises:
        Fenced: another run owns the task, or it is not running any more.
    """
    row = _run(session, claim, None, seen, events, values)
    if row is None:
        raise Fenced("cannot write: another run owns this task", task_id=claim.task_id, run=claim.run_number)
    return row


def end(
    session: Session,
    claim: Claim,
    what: Move,
    outcome: str,
    seen: int | None = None,
    *,
    events: int = 1,
    **values: Any,
) -> Row[Any]:
    """Make the run's last move; as `write`.

    A task that somebody wants cancelled neither succeeds nor fails nor rests.

    Raises:
        Fenced: another run owns the task, it is not running any more, or it is to be cancelled.
    """
    row = _run(session, claim, what, seen, events, {"lease_expires_at": None, **values})
    if row is None:
        raise Fenced("cannot end the run", task_id=claim.task_id, run=claim.run_number)
    close_run(session, claim.task_id, claim.run_number, outcome)
    return row


def _run(
    session: Session, claim: Claim, what: Move | None, seen: int | None, events: int, values: dict[str, Any]
) -> Row[Any] | None:
    """The one fenced statement; prepared once for the names of the values that are plain."""
    plain = {name: value for name, value in values.items() if not isinstance(value, ClauseElement)}
    statement = _fence(what, tuple(sorted(plain)), is_numbered=seen is not None)
    if len(plain) < len(values):
        statement = statement.values({name: value for name, value in values.items() if name not in plain})
    given = {"of_task": claim.task_id, "of_run": claim.run_number, "of_events": events}
    given |= {f"new_{name}": value for name, value in plain.items()}
    given |= {"of_write": seen} if seen is not None else {}
    return session.connection().execute(statement, given).one_or_none()


WISHES = (
    Task.cancel_requested_at,
    Task.stop_requested_at,
    Task.pause_requested_at,
    (Task.deadline_at <= database_now()).label("is_late"),
)
"""What people want of the run that has the task, and whether its time is up."""


# Where nobody has the task nobody obeys: a cancellation that was asked for would be forgotten.
_GIVING_WAY = frozenset({Move.SUCCEED, Move.FAIL, Move.RETRY, Move.WAIT, Move.PAUSE})


@lru_cache(maxsize=256)
def _fence(what: Move | None, names: tuple[str, ...], *, is_numbered: bool) -> Update:
    table = Task.__table__.c
    statement = (update(Task) if what is None else moving(what)).where(
        Task.state == State.RUNNING,
        Task.id == bindparam("of_task", type_=table.id.type),
        Task.run_number == bindparam("of_run", type_=table.run_number.type),
    )
    if is_numbered:
        statement = statement.where(Task.run_writes == bindparam("of_write", type_=table.run_writes.type))
    if what in _GIVING_WAY:
        statement = statement.where(Task.cancel_requested_at.is_(None))
    count = bindparam("of_events", type_=table.event_count.type)
    raised = {"event_count": Task.event_count + count, "run_writes": Task.run_writes + 1}
    given = {name: bindparam(f"new_{name}", type_=table[name].type) for name in names}
    of_family = (Task.root_id,) if what is not None else ()
    return statement.values({**raised, **given}).returning(Task.event_count, *of_family, *WISHES)


def close_run(session: Session, task_id: str, number: int, outcome: str, at: datetime | None = None) -> None:
    """Note how the run ended, now unless it was earlier, where that was not noted before."""
    given = {"of_task": task_id, "of_run": number, "new_ended_at": at or now(), "new_outcome": outcome}
    together(session, _closing(), [given])


@cache
def _closing() -> Update:
    run = Run.__table__.c
    mine = (run.task_id == bindparam("of_task", type_=run.task_id.type), run.number == bindparam("of_run"))
    told = {name: bindparam(f"new_{name}", type_=run[name].type) for name in ("ended_at", "outcome")}
    return update(Run).where(*mine, run.ended_at.is_(None)).values(told)


_NEW_RUN = insert(Run.__table__)  # type: ignore[arg-type]  # the mapped class says less than its table is


def since(session: Session, at: datetime | None) -> float | None:
    """Seconds since then by the database's clock."""
    if at is None:
        return None
    # Through the connection: inside a tenant a session refuses what is about no table.
    passed: float = (session.connection().execute(select(database_now())).scalar_one() - at).total_seconds()
    return passed
