"""The Celery app that every process shares, and the one message there is: a wake-up for a queue.

A wake-up carries no work.  It tells the workers of a queue to look into the database; the
task's id in it is a hint for people who watch the queue.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache

from celery import Celery
from kombu import Exchange, Queue
from kombu.exceptions import BatchPublishError, OperationalError
from redis.exceptions import RedisError
from sqlalchemy import update

from models.database import writing
from models.task import Task
from tasks import live
from tasks.logs import logger

WAKE_UP = "opscore.work"
BROKER_ERRORS = (OperationalError, BatchPublishError, RedisError, OSError)
"""What sending raises when the broker is not there."""
log = logger(__name__)


@cache
def celery_app() -> Celery:
    """The app of this process, configured by celeryconfig.py, for all its threads."""
    app = Celery("opscore", set_as_current=False)
    app.config_from_object("celeryconfig")
    app.set_default()
    return app


def queue_named(name: str) -> Queue:
    """The queue; those of agents and capabilities are not listed in celeryconfig.py."""
    return Queue(name, Exchange(""), routing_key=name)


def send_wake_up(queue: str, task_id: str) -> None:
    """Send one wake-up.

    Raises:
        OperationalError: the broker is not there.
    """
    celery_app().send_task(WAKE_UP, args=[task_id], queue=queue_named(queue), retry=False)


def publish(task_id: str, tenant: str, queue: str) -> bool:
    """Wake the queue for the task, whose row says so already; False, and noted in it, when the broker is down.

    The row stands all the same, and the reconciler publishes it when the broker is back.
    """
    try:
        send_wake_up(queue, task_id)
    except BROKER_ERRORS as error:
        log.warning("broker.down", task=task_id, queue=queue, error=str(error))
        note_published(task_id, tenant, None)
        return False
    return True


def note_published(task_id: str, tenant: str, at: datetime | None) -> None:
    """Write when the broker was last told of the task: before the message goes out, never after.

    A worker that is woken at once passes over a row that somebody is writing to, and would find nothing.
    """
    with writing() as session:
        session.execute(update(Task).where(Task.id == task_id, Task.tenant == tenant).values(published_at=at))


def lengths(queues: Iterable[str]) -> dict[str, int]:
    """How many wake-ups lie in each queue; one round trip for all.

    Raises:
        RedisError, OSError: the broker is not there.
    """
    names = list(queues)
    if not names:
        return {}
    with live.channel().client.pipeline(transaction=False) as asked:
        for name in names:
            # A list of the queue's name, since celeryconfig.py has one step of priority.
            asked.llen(name)
        return dict(zip(names, asked.execute(), strict=True))


def send_wake_ups(wake_ups: Sequence[tuple[str, str]]) -> None:
    """Send a wake-up for each queue and hint; one round trip for all, over a connection of its own.

    A kept one may be broken, and a worker may fork while a thread of its parent is here.

    Raises:
        OperationalError, BatchPublishError, RedisError, OSError: the broker is not there.
    """
    if not wake_ups:
        return
    app = celery_app()
    with app.connection_for_write() as connection, connection.channel() as channel:
        producer = app.amqp.Producer(channel)
        with producer.batch():
            for queue, hint in wake_ups:
                app.send_task(WAKE_UP, args=[hint], queue=queue_named(queue), producer=producer, retry=False)


def fill(wanted: Mapping[str, Sequence[str]]) -> int:
    """Send the wake-ups that are missing: each queue is to hold as many as there are hints for it; returns how many.

    Raises:
        OperationalError, BatchPublishError, RedisError, OSError: the broker is not there.
    """
    lying = lengths(wanted)
    missing = [(queue, hint) for queue, hints in wanted.items() for hint in hints[lying[queue] :]]
    send_wake_ups(missing)
    return len(missing)
