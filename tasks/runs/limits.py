"""Which limits a step has: those of the installation, its tool, its plan, itself, its agent and its task together.

The tightest wins (tools/limits.py).  An agent's limits are read anew for each step, so a change counts from the next
step on; what a step ran under stands in its row.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from models.task import Task
from settings import Settings
from tasks.plans.plan_fields import PlanFields
from tasks.plans.playbook import PlannedStep
from tools import limits
from tools.limits import Effective, Source, Values
from tools.registry import find

Level = tuple[Source, Values]


def of_step(
    told: Settings, task: Task, plan: PlanFields, planned: PlannedStep, of_agent: Mapping[str, Any]
) -> Effective:
    """The limits of the step, each with who set it.

    Raises:
        NotFound: there is no such tool any more.
    """
    return limits.tightest(
        [
            *_of_plan(told, plan.limits, has_template=task.template is not None),
            ("tool", limits.of_tool(find(planned.tool))),
            ("step", limits.read(planned.limits)),
            ("agent", limits.read(of_agent)),
            ("task", limits.read(task.limits)),
        ]
    )


def of_model_call(told: Settings, task: Task, plan: PlanFields, of_agent: Mapping[str, Any]) -> Effective:
    """The limits of a call of a model: no tool and no step says anything about it."""
    return limits.tightest(
        [
            *_of_plan(told, plan.limits, has_template=task.template is not None),
            ("agent", limits.read(of_agent)),
            ("task", limits.read(task.limits)),
        ]
    )


def before_a_task(told: Settings, plan: PlanFields | None, *, has_template: bool) -> Effective:
    """What holds for every step of the plan where neither agent nor task set anything; without a plan, here."""
    return limits.tightest(_of_plan(told, plan.limits if plan else {}, has_template=has_template))


def of_installation(told: Settings) -> dict[str, float]:
    """What the settings say."""
    return {kind.name: getattr(told, f"step_{kind.field}") for kind in limits.KINDS}


def _of_plan(told: Settings, of_playbook: Mapping[str, Any], *, has_template: bool) -> Iterator[Level]:
    yield "installation", of_installation(told)
    yield "template" if has_template else "playbook", limits.read(of_playbook)
