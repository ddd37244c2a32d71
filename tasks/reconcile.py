"""One round of the reconciler: publish what no broker has seen, give back what dead processes hold.

The work of a round grows with what is due and with the number of queues, never with the
number of tasks.  Runs within `scope.wide(…)`.  The process: worker/reconciler.py.
"""

import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, literal, select, update

from models import event
from models.agent import Worker
from models.claim import close_run
from models.columns import now
from models.database import after_commit, reading, writing
from models.run import Run
from models.states import Move, State, move
from models.task import Task
from tasks import leftovers, live
from tasks.broker import BROKER_ERRORS, note_published, publish, send_wake_up, waiting_messages
from tasks.logs import logger
from tasks.processes import is_alive
from tasks.timeline import record_of_agent

EVERY = timedelta(seconds=10)
AT_ONCE = 200
# A task whose worker died this often is taken to be the reason.
MOST_LOSSES = 5
_QUEUED = (Task.state == literal(State.QUEUED.value, literal_execute=True)) & Task.waits_until.is_(None)
log = logger(__name__)


@dataclass(frozen=True)
class Round:
    """What one round did."""

    requeued: int
    published: int
    woken: int
    workers_lost: int
    swept: int


def reconcile() -> Round:
    """Do one round."""
    workers_lost = close_lost_workers()
    requeued, published, woken = len(requeue_lost()), publish_unpublished(), top_up()
    # Last: what people wait for comes first.
    return Round(requeued, published, woken, workers_lost, leftovers.sweep())


def requeue_lost(*, was_stopped: bool = False) -> list[str]:
    """Give back the tasks whose run's process on this host is dead; returns their ids.

    Where a person stopped the processes (`was_stopped`), no loss is counted: the task was not the reason.
    """
    lost = [run for run in runs_here() if not is_alive(run.pid, run.process_started_at)]
    return [run.task_id for run in lost if _requeue(run, was_stopped)]


def runs_here() -> list[Run]:
    """The runs that have not ended and whose processes are, or were, on this host."""
    with reading() as session:
        here = select(Run).where(Run.ended_at.is_(None), Run.host == socket.gethostname())
        return list(session.scalars(here))


def close_lost_workers() -> int:
    """Note the end of workers of this host that died without saying so; returns how many."""
    with reading() as session:
        here = select(Worker).where(Worker.stopped_at.is_(None), Worker.host == socket.gethostname())
        lost = [each for each in session.scalars(here) if not is_alive(each.pid, each.process_started_at)]
    for worker in lost:
        with writing() as session:
            ended = update(Worker).where(Worker.id == worker.id, Worker.stopped_at.is_(None)).values(stopped_at=now())
            if session.scalar(ended.returning(Worker.id)) is not None:
                record_of_agent(session, worker.agent_id, "worker.lost", worker=worker.nodename, pid=worker.pid)
    return len(lost)


def publish_unpublished() -> int:
    """Publish tasks that no broker has seen, oldest first, a bounded number; returns how many."""
    with reading() as session:
        found = select(Task.id, Task.tenant, Task.queue).where(_QUEUED, Task.published_at.is_(None))
        rows = session.execute(found.order_by(Task.number).limit(AT_ONCE)).all()
    published = 0
    for task_id, tenant, queue in rows:
        note_published(task_id, tenant, now())
        if not publish(task_id, tenant, queue):
            break
        published += 1
    return published


def top_up() -> int:
    """Send the wake-ups that are missing: a queue must hold as many as it has tasks; returns how many.

    A broker may lose a message between taking it off the queue and handing it over.
    """
    woken = 0
    try:
        for queue, waiting in _waiting_tasks().items():
            for task_id in waiting[: max(0, len(waiting) - waiting_messages(queue))]:
                send_wake_up(queue, task_id)
                woken += 1
    except BROKER_ERRORS as error:
        log.warning("broker.down", error=str(error))
    return woken


def _waiting_tasks() -> dict[str, list[str]]:
    """The first tasks that wait in each queue; one look into the index per queue, then their heads."""
    found: dict[str, list[str]] = {}
    with reading() as session:
        last = ""
        while name := session.scalar(select(func.min(Task.queue)).where(_QUEUED, Task.queue > last)):
            heads = select(Task.id).where(_QUEUED, Task.queue == name).order_by(Task.rank_at).limit(AT_ONCE)
            found[name] = list(session.scalars(heads))
            last = name
    return found


def _requeue(run: Run, was_stopped: bool) -> bool:
    """Give the task back, or fail it when its worker died too often; False when it had ended by itself."""
    mine = (Task.id == run.task_id, Task.run_number == run.number)
    how = "was stopped" if was_stopped else "died"
    reason = f"the process {run.pid} of agent {run.agent} on {run.host} {how}"
    with writing() as session:
        close_run(session, run.task_id, run.number, "lost")
        # Locked: the task must not end between this look and the move.
        counted = 0 if was_stopped else 1
        lost = select(Task.losses + counted).where(*mine, Task.state == State.RUNNING).with_for_update()
        losses = session.scalar(lost)
        if losses is None:
            return False
        values: dict[str, Any] = {"losses": losses, "lease_expires_at": None}
        if losses < MOST_LOSSES:
            task = move(session, Move.REQUEUE, *mine, published_at=None, **values)
            kind, told = "task.requeued", {"reason": reason}
        else:
            message = f"cannot finish: its worker died {losses} times, last because {reason}"
            values |= {"finished_at": now(), "error_code": "lost", "error_message": message}
            task = move(session, Move.FAIL, *mine, **values)
            kind, told = "task.failed", {"code": "lost", "message": message}
        number = int(task.event_count)
        event.record(session, "task", run.task_id, number, kind, run.tenant, **told)
        after_commit(session, lambda: live.hint("task", run.task_id, number))
    log.warning(kind, task=run.task_id, run=run.number, reason=reason)
    return True
