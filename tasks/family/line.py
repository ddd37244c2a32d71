"""Who hands work on, and all above: what models among them may use, which no part of it may leave.

What follows for a part: bounds.py refuses, children.py hands down.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.agent import Agent
from models.task import Task
from tasks.minds.offer import may_use
from tasks.plans.kept import AnyPlan, plan_of
from tasks.plans.model_plan import ModelPlan

MOST = 20
"""Far more than work is ever handed on."""


@dataclass(frozen=True)
class ModelAbove:
    """A task that a model works on."""

    task: Task
    plan: ModelPlan
    tools: frozenset[str]
    """That it was offered: of those of its plan the ones that its agent has."""

    @property
    def title(self) -> str:
        """What people see."""
        return self.task.title

    def beyond(self, plan: AnyPlan) -> list[str]:
        """The models that this plan names and its own, which names some, does not."""
        if not isinstance(plan, ModelPlan) or not self.plan.models:
            return []
        return [name for name in plan.models if name not in self.plan.models]


@dataclass(frozen=True)
class Line:
    """Nearest first."""

    tasks: list[Task]
    models: list[ModelAbove]
    approvals: list[str]
    """Before whose calls the agent that hands on must ask a person, whatever its task says."""

    def confined(self, plan: Mapping[str, Any]) -> dict[str, Any]:
        """The plan of a part, which asks the models of the nearest task above that names some, unless it names any."""
        if plan.get("kind") != "model" or plan.get("models"):
            return dict(plan)
        return {**plan, "models": next((above.plan.models for above in self.models if above.plan.models), [])}


def line_of(session: Session, task: Task) -> Line:
    """The task and all above it."""
    tasks = [task]
    while tasks[-1].parent_id is not None and len(tasks) < MOST:
        above = session.scalars(select(Task).where(Task.id == tasks[-1].parent_id)).one_or_none()
        if above is None:
            break
        tasks.append(above)
    named = select(Agent).where(Agent.name.in_({each.agent for each in tasks if each.agent}))
    agents = {agent.name: agent for agent in session.scalars(named)}
    mine = agents.get(task.agent or "")
    models = [_model(each, own, agents) for each in tasks if isinstance(own := plan_of(each), ModelPlan)]
    return Line(tasks, models, list(mine.approvals) if mine else [])


def _model(task: Task, plan: ModelPlan, agents: Mapping[str, Agent]) -> ModelAbove:
    agent = agents.get(task.agent or "")
    return ModelAbove(task, plan, frozenset(may_use(plan.tools, agent.tools if agent else None)))
