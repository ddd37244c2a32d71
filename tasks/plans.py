"""The plan that a task follows, read from the database and parsed once, however many tasks follow it.

A plan's id is made from its contents, so what is remembered here is never out of date.
"""

from functools import lru_cache

from sqlalchemy import select

from models.database import reading
from models.plan import Plan
from models.task import Task
from tasks.playbook import Playbook

MOST_REMEMBERED = 64


def playbook_of(task: Task) -> Playbook:
    """The task's plan; not to be changed."""
    return _parsed(task.plan_id, task.tenant)


@lru_cache(maxsize=MOST_REMEMBERED)
def _parsed(plan_id: str, tenant: str) -> Playbook:
    with reading() as session:
        content = session.scalars(select(Plan.content).where(Plan.id == plan_id, Plan.tenant == tenant)).one()
    return Playbook.model_validate(content)
