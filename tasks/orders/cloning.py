"""Make a task like one that there is: the same plan, whatever became of its template, and what is to be different.

What is said and not said about the new one is checked as any order is: tasks/orders/submission.py.  Within `acting(…)`.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import select

from models.database import reading
from models.errors import NotFound
from models.task import Task
from tasks.orders.submission import Order, Submitted, submit

AGENT = "agent."


def like(task: Task) -> Order:
    """An order for the same once more; its times are not repeated, which were of that one."""
    return Order(
        inputs=dict(task.inputs),
        title=task.title,
        description=task.description,
        complexity=task.complexity,
        priority=task.priority,
        agent=task.queue.removeprefix(AGENT) if task.queue.startswith(AGENT) else None,
        limits=dict(task.limits),
        retry=dict(task.retry),
        cloned_from=task.id,
    )


def clone(task_id: str, inputs: dict[str, Any] | None = None, **changes: Any) -> Submitted:
    """Submit a task like that one; `inputs` replace those that they name, `changes` are other fields of an order.

    Raises:
        NotFound: there is no such task.
        InvalidInput, Conflict: as for `submit`.
    """
    with reading() as session:
        task = session.scalars(select(Task).where(Task.id == task_id)).one_or_none()
    if task is None:
        raise NotFound("cannot find the task: there is none with this id", task_id=task_id)
    order = like(task)
    return submit(replace(order, inputs={**order.inputs, **(inputs or {})}, **changes))
