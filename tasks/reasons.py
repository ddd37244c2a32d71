"""Why a task is still queued, in words and from what stands in the database."""

from typing import Any

from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import joinedload

from models.agent import SILENT_AFTER, Worker
from models.columns import now
from models.database import reading
from models.run import Run
from models.states import State
from models.task import Task

COUNTED = 100


def why_queued(task: Task) -> str:
    """One sentence for the person who waits; empty when the task is not queued."""
    if task.state != State.QUEUED:
        return ""
    if task.waits_until is not None:
        return f"It waits until {task.waits_until:%Y-%m-%d %H:%M:%S} UTC."
    covering = _workers(task.queue)
    if not covering:
        return _nobody(task)
    if task.published_at is None:
        return "The broker has not been reached yet; the task is kept and is published as soon as it answers."
    ahead = _ahead(task)
    slots = sum(worker.concurrency for worker in covering)
    busy = _running_on(covering)
    names = ", ".join(sorted({worker.agent.name for worker in covering}))
    if busy >= slots:
        before = f"{ahead if ahead < COUNTED else f'{COUNTED} or more'} before it" if ahead else "it is the next"
        places = "The one place" if slots == 1 else f"All {slots} places"
        return f"{places} of {names} {'is' if slots == 1 else 'are'} taken; {before}."
    return f"{names} is free and takes it next." if not ahead else f"{names} takes it soon; {ahead} before it."


def _workers(queue: str) -> list[Worker]:
    """The workers that serve the queue and were heard of lately."""
    heard = select(Worker).where(Worker.stopped_at.is_(None), Worker.last_seen_at > now() - SILENT_AFTER)
    with reading() as session:
        return [worker for worker in session.scalars(heard.options(joinedload(Worker.agent))) if queue in worker.queues]


def _nobody(task: Task) -> str:
    kind, _, name = task.queue.partition(".")
    if kind == "agent":
        return (
            f"It is meant for the agent {name}, which is not running. Start it: celery -A worker worker --agent {name}"
        )
    return (
        f"No running agent takes complexity {task.complexity}. "
        f"Start one: celery -A worker worker --agent NAME --complexity {task.complexity}"
    )


def _ahead(task: Task) -> int:
    """How many tasks of its queue come before it, counted up to a limit."""
    queued = Task.state == literal(State.QUEUED.value, literal_execute=True)
    earlier = select(Task.number).where(queued, Task.queue == task.queue, Task.rank_at < task.rank_at)
    return _count(earlier.limit(COUNTED))


def _running_on(workers: list[Worker]) -> int:
    """How many tasks these workers are running now."""
    running = select(Run.id).where(Run.ended_at.is_(None), Run.worker_id.in_([worker.id for worker in workers]))
    return _count(running.limit(1000))


def _count(rows: Select[Any]) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(rows.subquery())) or 0
