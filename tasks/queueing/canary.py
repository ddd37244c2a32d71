"""A canary: a wake-up that is sent only to see whether somebody takes it.

One for each queue that live workers serve, every half minute, and no second one while the first may still lie there.
A worker that beats, has a free place and serves a queue whose canary lies there untaken is deaf: connected, and takes
nothing.  That is written in its row, from which the worker heals itself (worker/healing.py).  To a worker that knows
no canaries it is a wake-up like any other.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.agent import SILENT_AFTER, Worker
from models.columns import database_now
from models.database import insert_unless_there, reading, writing
from models.queue import Queue
from models.run import Run
from models.scope import DEFAULT_TENANT, current, wide
from tasks.broker import BROKER_ERRORS, lengths, send_wake_ups
from tasks.logs import logger
from tasks.timeline import record_of_agent

HINT = "canary"
EVERY = timedelta(seconds=30)
TAKEN_WITHIN = timedelta(seconds=20)
_TENANT = Queue.tenant == DEFAULT_TENANT
log = logger(__name__)


def note_taken(queue: str) -> None:
    """Write that the queue's canary was taken; for the task that takes it."""
    with wide("system:canary"), writing() as session:
        taken = update(Queue).where(_TENANT, Queue.name == queue).values(canary_taken_at=database_now())
        session.execute(taken.execution_options(synchronize_session=False))


@dataclass(frozen=True)
class _Canary:
    """The last canary of a queue, by the database's clock."""

    sent_at: datetime | None
    is_taken: bool
    is_late: bool
    is_due: bool


@dataclass
class Watch:
    """What one reconciler remembers from round to round: whom it found free beside a canary that nobody took."""

    suspected: set[str] = field(default_factory=set)

    def round(self) -> tuple[int, int]:
        """Look whether the canaries were taken, and send new ones; returns how many were sent, and are newly deaf."""
        workers = _heard_workers()
        names = {name for worker in workers for name in worker.queues}
        known = _canaries(names)
        late = {name: each for name, each in known.items() if each.is_late and not each.is_taken}
        # One that does not lie there any more was lost by the broker, and says nothing about anybody.
        due = {name for name in names if name not in known or (known[name].is_due and known[name].is_taken)}
        try:
            lying, sent = _at_the_broker(late, due)
        except BROKER_ERRORS as error:
            log.warning("broker.down", error=str(error))
            self.suspected.clear()  # nobody is deaf while there is nothing to hear
            return 0, 0
        return sent, self._judge(workers, known, lying)

    def _judge(self, workers: list[Worker], known: dict[str, _Canary], lying: set[str]) -> int:
        """Write who is deaf, and who is not any more; returns how many are newly deaf.

        Twice in a row: a worker may have come free just before the first look.
        """
        if not lying and not any(worker.deaf_since for worker in workers):
            self.suspected.clear()
            return 0
        busy = _busy_places(workers)
        free = [worker for worker in workers if busy.get(worker.id, 0) < worker.concurrency]
        found = {each.id: since for each in free if (since := _unheard_since(each, known, lying)) is not None}
        deaf = {worker_id: since for worker_id, since in found.items() if worker_id in self.suspected}
        self.suspected = set(found)
        for worker in workers:
            if worker.deaf_since is not None and (worker not in free or _hears(worker, known)):
                _write(worker, None)
        return sum(_write(each, deaf[each.id]) for each in workers if each.id in deaf and each.deaf_since is None)


def _unheard_since(worker: Worker, known: dict[str, _Canary], lying: set[str]) -> datetime | None:
    """When the first of the canaries was sent that lie in the worker's queues for too long."""
    return min((each for name in lying & set(worker.queues) if (each := known[name].sent_at) is not None), default=None)


def _hears(worker: Worker, known: dict[str, _Canary]) -> bool:
    """Whether the canaries of all its queues were taken; one that is on its way proves nothing."""
    return all(known[name].is_taken for name in worker.queues if name in known)


def _heard_workers() -> list[Worker]:
    heard = select(Worker).where(Worker.stopped_at.is_(None), Worker.last_seen_at > database_now(-SILENT_AFTER))
    with reading() as session:
        return list(session.scalars(heard))


def _canaries(names: Iterable[str]) -> dict[str, _Canary]:
    sent_at = Queue.canary_sent_at
    told = select(
        Queue.name,
        sent_at,
        func.coalesce(Queue.canary_taken_at >= sent_at, False),
        sent_at < database_now(-TAKEN_WITHIN),
        sent_at < database_now(-EVERY),
    ).where(_TENANT, Queue.name.in_(list(names)), sent_at.is_not(None))
    with reading() as session:
        return {row[0]: _Canary(*row[1:]) for row in session.execute(told)}


def _at_the_broker(late: Iterable[str], due: set[str]) -> tuple[set[str], int]:
    """Which late canaries still lie in their queues, and how many new ones were sent."""
    lying = {name for name, length in lengths(late).items() if length}
    wanted = sorted(due | (set(late) - lying))
    if wanted:
        _note_sent(wanted)
        send_wake_ups([(name, HINT) for name in wanted])
    return lying, len(wanted)


def _note_sent(names: list[str]) -> None:
    """Before they are sent: one that is taken at once must not seem to be an earlier one."""
    sent = update(Queue).where(_TENANT, Queue.name.in_(names)).values(canary_sent_at=database_now())
    with writing() as session:
        there = session.scalars(sent.returning(Queue.name).execution_options(synchronize_session=False)).all()
        for name in set(names) - set(there):
            whose = {"tenant": DEFAULT_TENANT, "author": current().author}
            insert_unless_there(session, Queue, name=name, canary_sent_at=database_now(), **whose)


def _busy_places(workers: list[Worker]) -> dict[str, int]:
    mine = Run.worker_id.in_([worker.id for worker in workers])
    busy = select(Run.worker_id, func.count()).where(Run.ended_at.is_(None), mine).group_by(Run.worker_id)
    with reading() as session:
        return {worker_id: count for worker_id, count in session.execute(busy) if worker_id}


def _write(worker: Worker, deaf_since: datetime | None) -> bool:
    """Write it and tell the agent's timeline; False when that stood there already."""
    unknown = Worker.deaf_since.is_not(None) if deaf_since is None else Worker.deaf_since.is_(None)
    with writing() as session:
        changed = update(Worker).where(Worker.id == worker.id, Worker.stopped_at.is_(None), unknown)
        values = {"deaf_since": deaf_since}
        if session.scalar(changed.values(**values).returning(Worker.id)) is None:
            return False
        _tell(session, worker, deaf_since)
    return True


def _tell(session: Session, worker: Worker, deaf_since: datetime | None) -> None:
    if deaf_since is None:
        record_of_agent(session, worker.agent_id, "worker.heard", worker=worker.nodename)
    else:
        told = {"worker": worker.nodename, "since": deaf_since.isoformat()}
        record_of_agent(session, worker.agent_id, "worker.deaf", **told)
    log.warning("worker.heard" if deaf_since is None else "worker.deaf", worker=worker.nodename)
