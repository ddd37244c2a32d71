"""The Celery app that every process shares, and the one message there is: a wake-up for a queue.

A wake-up carries no work.  It tells the workers of a queue to look into the database; the
task's id in it is a hint for people who watch the queue.
"""

from functools import cache

from celery import Celery
from kombu import Exchange, Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy import func, update

from models.columns import now
from models.database import writing
from models.task import Task
from tasks.logs import logger

WAKE_UP = "opscore.work"
BROKER_ERRORS = (OperationalError, RedisError, OSError)
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
    """Wake the queue for the task and note that it was done; False when the broker is down.

    The row stands all the same, and the reconciler publishes it when the broker is back.
    """
    try:
        send_wake_up(queue, task_id)
    except BROKER_ERRORS as error:
        log.warning("broker.down", task=task_id, queue=queue, error=str(error))
        return False
    with writing() as session:
        mine = update(Task).where(Task.id == task_id, Task.tenant == tenant)
        session.execute(mine.values(published_at=func.coalesce(Task.published_at, now())))
    return True


def waiting_messages(queue: str) -> int:
    """How many wake-ups lie in the queue.

    Raises:
        OperationalError: the broker is not there.
    """
    with celery_app().connection_for_read() as connection, connection.channel() as channel:
        return int(channel.queue_declare(queue, passive=False).message_count)
