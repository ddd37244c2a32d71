"""Who demands that a person approve a call, or the whole plan; it is a look at what is at hand and costs nothing."""

from collections.abc import Sequence

from models.task import Task
from tasks.plans.plan_fields import WHOLE_PLAN, PlanFields
from tasks.plans.playbook import PlannedStep
from tools.contract import Tool


def of_call(task: Task, plan: PlanFields, planned: PlannedStep, tool: Tool, of_agent: Sequence[str]) -> str:
    """Who demands an approval of the step's call, in words; empty where nobody does."""
    if tool.approval:
        return f"Every call of the tool {tool.name} must be approved."
    if planned.approval:
        return f"{_named(task)} demands it of this step."
    if tool.name in plan.approvals:
        return f"{_named(task)} demands it of each call of {tool.name}."
    if tool.name in of_agent:
        return f"The agent {task.agent} must ask before each call of {tool.name}."
    return ""


def of_plan(task: Task, plan: PlanFields, of_agent: Sequence[str]) -> str:
    """Who demands an approval of the whole plan, in words; empty where nobody does."""
    if WHOLE_PLAN in plan.approvals:
        return f"{_named(task)} demands it before the first step."
    if WHOLE_PLAN in of_agent:
        return f"The agent {task.agent} must ask before it begins a task."
    return ""


def _named(task: Task) -> str:
    return f"The template {task.template}" if task.template else "The task's plan"
