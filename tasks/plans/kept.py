"""The plan that a task follows, read from the database and parsed once, however many tasks follow it.

A plan's id is made from its contents, so what is remembered here is never out of date.  Who follows it:
runs/plan_run.py.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import select

from models.database import reading
from models.plan import Plan
from models.task import Task
from tasks.plans.model_plan import ModelPlan
from tasks.plans.playbook import Playbook

MOST_REMEMBERED = 64
AnyPlan = Playbook | ModelPlan


def plan_of(task: Task) -> AnyPlan:
    """The task's plan; not to be changed."""
    return _parsed(task.plan_id, task.tenant)


def parsed(content: Mapping[str, Any]) -> AnyPlan:
    """The plan with these contents, as they stand in the database."""
    return (ModelPlan if content.get("kind") == "model" else Playbook).model_validate(content)


@lru_cache(maxsize=MOST_REMEMBERED)
def _parsed(plan_id: str, tenant: str) -> AnyPlan:
    with reading() as session:
        content = session.scalars(select(Plan.content).where(Plan.id == plan_id, Plan.tenant == tenant)).one()
    return parsed(content)
