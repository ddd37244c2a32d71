"""What an order cannot be worked on for: all models that may be asked have no price, and nothing limits their tokens.

Said at submission where it is certain by then; the rule itself is kept before each call: tasks/spending/budgets.py.
"""

from sqlalchemy import or_, select

from models.agent import Agent
from models.budget import Budget, BudgetKind
from models.database import reading
from models.errors import Problem
from tasks.plans.model_plan import ModelPlan
from tasks.providers import choice as model_choice
from tasks.spending.budget_words import unknown_price


def problems(plan: ModelPlan, agent: str | None, complexity: int) -> list[Problem]:
    """What is wrong, at the field `model`; for a task of its own, whose plan some model may be asked for."""
    if plan.budget.tokens is not None or _is_limited(agent) or not (plan.models or _is_chosen_by_now(agent)):
        return []
    found = model_choice.candidates(plan.models, _model_of(agent), complexity)
    if any(each.input_price is not None and each.output_price is not None for each in found):
        return []
    return [Problem(path="model", line=None, message=unknown_price(found[0].name, None).message)]


def _is_limited(agent: str | None) -> bool:
    """Whether the tokens of a day are limited, or those of the agent; of any agent, where any may take the task."""
    of_agent = Budget.kind == BudgetKind.AGENT
    theirs = of_agent if agent is None else of_agent & (Budget.name == agent)
    limited = select(Budget.id).where(Budget.max_tokens.is_not(None), or_(Budget.kind == BudgetKind.DAY, theirs))
    with reading() as session:
        return session.scalar(limited.limit(1)) is not None


def _is_chosen_by_now(agent: str | None) -> bool:
    """Whether it makes no difference which agent takes the task."""
    with reading() as session:
        return agent is not None or session.scalar(select(Agent.id).where(Agent.model.is_not(None)).limit(1)) is None


def _model_of(agent: str | None) -> str | None:
    with reading() as session:
        return session.scalar(select(Agent.model).where(Agent.name == agent)) if agent else None
