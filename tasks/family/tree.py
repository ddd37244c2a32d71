"""Who belongs to a family, and what is below a task of it.

A family is bounded (bounds.py), so that it is read whole.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, load_only

from models.task import Task
from models.task_list import SHOWN
from tasks.family.hearing import CHILDREN


def family_of(task: Task) -> str:
    """The id of the family's first task."""
    return task.root_id or task.id


def members(session: Session, family_id: str) -> list[Task]:
    """All tasks of the family, the first one first, each before its parts; of each what a list shows."""
    mine = select(Task).where((Task.root_id == family_id) | (Task.id == family_id)).order_by(Task.number)
    found = list(session.scalars(mine.options(load_only(*SHOWN, Task.root_id, Task.depth))))
    return list(_in_order(found, family_id))


def living_below(session: Session, tasks: Sequence[Task]) -> list[Task]:
    """The tasks below these that have not ended, locked, by number."""
    wanted = {below for task in tasks if task.root_id is not None for below in _ids_below(session, task)}
    if not wanted:
        return []
    return locked_in_order(session, select(Task).where(Task.id.in_(wanted), Task.finished_at.is_(None)))


def count_living_below(session: Session, task: Task) -> int:
    """How many tasks below this one have not ended."""
    wanted = set(_ids_below(session, task)) if task.root_id is not None else set()
    alive = select(func.count()).select_from(Task).where(Task.id.in_(wanted), Task.finished_at.is_(None))
    return (session.scalar(alive) or 0) if wanted else 0


def locked_in_order(session: Session, wanted: Select[Task]) -> list[Task]:
    """The rows, locked: always in this order, so that nobody waits for somebody who waits for them."""
    locked = wanted.order_by(Task.number).with_for_update().execution_options(populate_existing=True)
    return list(session.scalars(locked))


def is_waiting_for_children(task: Task) -> bool:
    """Whether the question that it waits with is answered by the ends of its parts."""
    return bool(task.question) and (task.question or {}).get("kind") == CHILDREN


def _ids_below(session: Session, task: Task) -> Iterator[str]:
    rows = session.execute(select(Task.id, Task.parent_id).where(Task.root_id == task.root_id))
    parts: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.parent_id is not None:
            parts[row.parent_id].append(row.id)
    ahead = list(parts[task.id])
    while ahead:
        found = ahead.pop()
        yield found
        ahead += parts[found]


def _in_order(tasks: Iterable[Task], first: str) -> Iterator[Task]:
    parts: dict[str | None, list[Task]] = defaultdict(list)
    by_id = {}
    for task in tasks:
        by_id[task.id] = task
        parts[task.parent_id].append(task)
    ahead = [by_id[first]] if first in by_id else []
    while ahead:
        found = ahead.pop(0)
        yield found
        ahead = [*parts[found.id], *ahead]
