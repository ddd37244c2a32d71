"""Wake the queues of tasks that a commit has made claimable: after it, and as often as the broker answers.

One list a transaction: a broker that is down is asked once, whatever number of tasks wait for it, and the
reconciler publishes them when it is back.  Messages themselves: tasks/broker.py.
"""

from collections.abc import Iterable

from sqlalchemy import literal, select, update
from sqlalchemy.orm import Session

from models.database import after_commit, reading, writing
from models.states import State
from models.task import Task
from tasks.broker import BROKER_ERRORS, send_wake_up
from tasks.logs import logger

TO_WAKE = "opscore_to_wake"
AT_ONCE = 10
log = logger(__name__)

Woken = tuple[str, str]
"""A task's id and its queue."""


def wake_after_commit(session: Session, task: Task) -> None:
    """Wake the task's queue once the transaction stands; its row says already that it was published."""
    if TO_WAKE not in session.info:
        session.info[TO_WAKE] = []
        after_commit(session, lambda: _publish(session.info.pop(TO_WAKE)))
    session.info[TO_WAKE].append((task.id, task.queue))


def wake_queues(names: Iterable[str]) -> None:
    """Wake each queue for the first tasks that wait in it; the reconciler sends what further wake-ups it needs.

    While a queue was closed its workers took its messages and found nothing to claim.
    """
    is_queued = Task.state == literal(State.QUEUED.value, literal_execute=True)
    for name in names:
        waiting = select(Task.id).where(is_queued, Task.queue == name, Task.waits_until.is_(None))
        with reading() as session:
            found = session.scalars(waiting.order_by(Task.rank_at).limit(AT_ONCE)).all()
        if _send([(task_id, name) for task_id in found]) < len(found):
            return


def _publish(tasks: list[Woken]) -> None:
    sent = _send(tasks)
    if sent < len(tasks):
        with writing() as session:
            unsent = update(Task).where(Task.id.in_([task_id for task_id, _ in tasks[sent:]]))
            session.execute(unsent.values(published_at=None).execution_options(synchronize_session=False))


def _send(tasks: list[Woken]) -> int:
    """Send the wake-ups in order; returns how many before the broker was away."""
    for sent, (task_id, queue) in enumerate(tasks):
        try:
            send_wake_up(queue, task_id)
        except BROKER_ERRORS as error:
            log.warning("broker.down", task=task_id, queue=queue, error=str(error))
            return sent
    return len(tasks)
