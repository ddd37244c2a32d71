"""Budgets of model calls: how they stand, their limits, and what was spent."""

from typing import Annotated, Any
from uuid import UUID

from flask import Response
from flask_openapi import APIBlueprint, Tag
from pydantic import Field

from models.budget import BudgetKind
from models.database import db
from models.money import MICRO
from models.spend_list import Filters, SpendBy, Spent, by, total
from tasks.spending import budget_limits
from tasks.spending.budget_limits import Limit, Standing
from webapp.api.gate import require
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.shapes import Answer, Question

part = APIBlueprint("budgets_api", __name__, url_prefix="/v1", abp_tags=[Tag(name="Budgets")], abp_security=SIGNED_IN)
Amount = Annotated[str | float | None, Field(description="Null lifts the limit; left out, it stays.")]


class AgentPath(Question):
    name: str = Field(min_length=1, max_length=80, description="The agent's name.")


class TaskPath(Question):
    id: UUID


class BudgetChange(Question):
    """Limits from the next call on; what is spent stays counted."""

    tokens: Amount = Field(None, examples=[200000])
    cost: Amount = Field(None, description="US dollars. Null lifts the limit; left out, it stays.", examples=[2.5])
    calls: Amount = Field(None, examples=[100])
    wall_s: Amount = Field(
        None, description="Seconds of work, or `20 min`. Null lifts the limit; left out, it stays.", examples=[1200]
    )


class BudgetLimitShape(Answer):
    limit: float | None = Field(description="Null: none.")
    used: float
    reserved: float = Field(description="For calls that run now.")
    left: float | None


class BudgetStanding(Answer):
    kind: BudgetKind
    name: str = Field(description="The task's id or the agent's name; empty for the day.")
    day: str | None = Field(description="The day (UTC) that is counted; null: for ever.")
    tokens: BudgetLimitShape
    cost: BudgetLimitShape = Field(description="US dollars.")
    calls: BudgetLimitShape
    wall_s: BudgetLimitShape


class SpendQuery(Question):
    by: SpendBy = SpendBy.DAY
    days: int = Field(30, ge=1, le=3650, description="So many days back from now.")
    agent: str | None = Field(None, max_length=80)
    task: UUID | None = None
    limit: int = Field(100, ge=1, le=1000, description="Most rows of the answer.")


class SpentShape(Answer):
    name: str = Field(description="The day (UTC), agent, task id or `provider/model`; empty in the total.")
    calls: int
    tokens: int = Field(description="Those reserved for calls that were not settled included.")
    input_tokens: int
    output_tokens: int
    cost: float = Field(description="US dollars.")
    unpriced: int = Field(description="Calls whose price is unknown: they are not in `cost`.")
    lost: int = Field(description="Calls that count in full, since nobody knows what became of them.")
    open: int = Field(description="Calls that run now.")


class SpendReport(Answer):
    by: SpendBy
    rows: list[SpentShape] = Field(description="The newest day first, else the dearest first.")
    is_complete: bool = Field(description="False when there are more rows than `limit`; `total` is of all.")
    total: SpentShape


@part.get("/budgets/day", operation_id="showDayBudget", responses=answers(_200=BudgetStanding))
def show_day() -> Response:
    """Show what all tasks together may spend today, and have spent."""
    return _show(BudgetKind.DAY, "")


@part.patch("/budgets/day", operation_id="setDayBudget", responses=answers(400, 413, 415, _200=BudgetStanding))
def set_day(body: BudgetChange) -> Response:
    """Limit what all tasks together may spend a day (UTC)."""
    return _set(BudgetKind.DAY, "", body)


@part.get("/budgets/agents/<name>", operation_id="showAgentBudget", responses=answers(404, _200=BudgetStanding))
def show_agent_budget(path: AgentPath) -> Response:
    """Show what the tasks of an agent may spend today, and have spent."""
    return _show(BudgetKind.AGENT, path.name)


@part.patch(
    "/budgets/agents/<name>", operation_id="setAgentBudget", responses=answers(400, 404, 413, 415, _200=BudgetStanding)
)
def set_agent_budget(path: AgentPath, body: BudgetChange) -> Response:
    """Limit what the tasks of an agent may spend a day (UTC)."""
    return _set(BudgetKind.AGENT, path.name, body)


@part.get("/budgets/tasks/<id>", operation_id="showTaskBudget", responses=answers(404, _200=BudgetStanding))
def show_task_budget(path: TaskPath) -> Response:
    """Show what a task and the parts that it handed on may spend, and have spent."""
    return _show(BudgetKind.TASK, str(path.id))


@part.patch(
    "/budgets/tasks/<id>", operation_id="setTaskBudget", responses=answers(400, 404, 413, 415, _200=BudgetStanding)
)
def set_task_budget(path: TaskPath, body: BudgetChange) -> Response:
    """Limit what a task and the parts that it hands on may spend; one that failed for it is retried afterwards."""
    return _set(BudgetKind.TASK, str(path.id), body)


@part.get("/spend", operation_id="showSpend", responses=answers(_200=SpendReport))
def show_spend(query: SpendQuery) -> Response:
    """Sum what model calls cost, by day, agent, task or model."""
    require("budget:read")
    filters = Filters(query.days, query.agent, str(query.task) if query.task else None)
    found = [_spent(each) for each in by(db.session(), query.by, filters, query.limit + 1)]
    rows, is_complete = found[: query.limit], len(found) <= query.limit
    all_of_it = _spent(total(db.session(), filters))
    return sent(SpendReport(by=query.by, rows=rows, is_complete=is_complete, total=all_of_it))


def _show(kind: BudgetKind, name: str) -> Response:
    require("budget:read")
    return sent(_standing(budget_limits.show(kind, name)))


def _set(kind: BudgetKind, name: str, body: BudgetChange) -> Response:
    require("budget:change")
    said = {key: getattr(body, key) for key in body.model_fields_set}
    return sent(_standing(budget_limits.set_limits(kind, name, said)))


def _standing(found: Standing) -> BudgetStanding:
    about: dict[str, Any] = {"kind": found.kind, "name": found.name, "day": found.day}
    about |= {"tokens": _limit(found.tokens), "calls": _limit(found.calls)}
    return BudgetStanding(**about, cost=_limit(found.cost, MICRO), wall_s=_limit(found.wall_ms, 1000))


def _limit(found: Limit, unit: int = 1) -> BudgetLimitShape:
    amounts = {"limit": found.most, "used": found.used, "reserved": found.reserved, "left": found.left}
    return BudgetLimitShape(**{name: None if value is None else value / unit for name, value in amounts.items()})


def _spent(found: Spent) -> SpentShape:
    return SpentShape(**{**vars(found), "cost": found.cost / MICRO})
