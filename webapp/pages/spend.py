"""What model calls cost, and how much they may: today, day by day, by agent, task and model; limits to set.

The sums: models/spend_list.py.  The limits, and what counts against them: tasks/spending/budget_limits.py.
"""

from dataclasses import dataclass, field, replace
from datetime import date

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.agent import Agent
from models.budget import BudgetKind
from models.database import db
from models.errors import InvalidInput, Problem
from models.spend_list import Filters, SpendBy, Spent, by, total
from models.states import State
from models.task import Task
from tasks.spending import budget_limits, budgets
from tasks.spending.budget_limits import Standing
from tools import quantities
from tools.quantities import Measure
from webapp import gate, spend_bars
from webapp.ask import done
from webapp.conversation import Meter
from webapp.limit_form import begun
from webapp.money import price_typed
from webapp.pages.task import the_task
from webapp.thinking_form import whole, whole_typed

page = Blueprint("spend", __name__)

SHOWN = 12
MOST_AGENTS = 100
LIMITS = {
    "cost": ("Money a day, US dollars", "such as 5"),
    "tokens": ("Tokens a day", "such as 1 M"),
    "calls": ("Model calls a day", "such as 500"),
}


TASK_LIMITS = {
    "cost": ("Money, US dollars", "such as 0.50"),
    "tokens": ("Tokens", "such as 200 k"),
    "calls": ("Model calls", "such as 40"),
    "wall_s": ("Time", "such as 30 min"),
}


@dataclass
class Shown:
    """A budget of days as the page shows it: how it stands, and its limits as they are or were typed."""

    standing: Standing
    typed: dict[str, str]
    problems: list[Problem] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.standing.name

    @property
    def meters(self) -> list[Meter]:
        return meters(self.standing)

    @property
    def has_limit(self) -> bool:
        return any(self.typed.values())

    def problem_of(self, name: str) -> str:
        return next((begun(each["message"]) for each in self.problems if each["path"] == name), "")


@page.app_context_processor
def _words() -> dict[str, object]:
    return {"day_limits": LIMITS, "day_meters": meters}


@page.get("/spend")
def show() -> ResponseReturnValue:
    """The page; `of` is what the bars count."""
    gate.allow("budget:read")
    return _page()


@page.post("/spend/day")
def limit_day() -> ResponseReturnValue:
    """Set what all tasks together may use on a day."""
    gate.allow("budget:change")
    return _limit(BudgetKind.DAY, "", "Kept. It counts from the next call on.", url_for("spend.show"))


@page.post("/spend/agents/<name>")
def limit_agent(name: str) -> ResponseReturnValue:
    """Set what the tasks of one agent may use on a day."""
    gate.allow("budget:change")
    said = f"Kept for {name}. It counts from the next call on."
    return _limit(BudgetKind.AGENT, name, said, url_for("spend.show", _anchor=f"agent-{name}"))


@page.get("/tasks/<task_id>/budget")
def of_task(task_id: str) -> ResponseReturnValue:
    """What the task may spend, and the form to change it."""
    task = the_task(task_id)
    gate.allow("budget:read")
    return _task_page(task, shown(BudgetKind.TASK, task.id))


@page.post("/tasks/<task_id>/budget")
def limit_task(task_id: str) -> ResponseReturnValue:
    """Set what the task may spend; it counts from the next call on."""
    task = the_task(task_id)
    gate.allow("budget:change")
    typed = {each: request.form.get(each, "").strip() for each in TASK_LIMITS}
    try:
        budget_limits.set_limits(BudgetKind.TASK, task.id, _read(typed))
    except InvalidInput as error:
        wrong = replace(shown(BudgetKind.TASK, task.id), typed=typed, problems=error.problems)
        return _task_page(task, wrong), 422
    again = " Retry goes on where it stopped." if task.state == State.FAILED else ""
    return done(f"Kept. It counts from the next call on.{again}", url_for("task.show", task_id=task.id))


def _task_page(task: Task, budget: Shown) -> str:
    return render_template("pages/task_budget.html", task=task, budget=budget, limits=TASK_LIMITS)


def shown(kind: BudgetKind, name: str) -> Shown:
    """How the budget stands."""
    standing = budget_limits.show(kind, name)
    return Shown(standing, as_typed(standing))


def as_typed(standing: Standing) -> dict[str, str]:
    """Its limits as somebody would type them."""
    wall_ms = standing.wall_ms.most
    return {
        "cost": price_typed(standing.cost.most),
        "tokens": whole_typed(standing.tokens.most),
        "calls": whole_typed(standing.calls.most),
        "wall_s": "" if wall_ms is None else quantities.shown(wall_ms / 1000, Measure.SECONDS),
    }


def meters(standing: Standing) -> list[Meter]:
    """What is used of each limit that it has."""
    every = (
        ("Money", "money", standing.cost),
        ("Tokens", "tokens", standing.tokens),
        ("Model calls", "calls", standing.calls),
        ("Time", "time", standing.wall_ms),
    )
    return [
        Meter(name, kind, limit.most, limit.used, limit.reserved)
        for name, kind, limit in every
        if limit.most is not None
    ]


def _limit(kind: BudgetKind, name: str, said: str, back: str) -> ResponseReturnValue:
    typed = {each: request.form.get(each, "").strip() for each in LIMITS}
    try:
        budget_limits.set_limits(kind, name, _read(typed))
    except InvalidInput as error:
        wrong = replace(shown(kind, name), typed=typed, problems=error.problems)
        return _page(wrong), 422
    return done(said, back)


def _read(typed: dict[str, str]) -> dict[str, str]:
    """As tasks/spending/budget_limits.py reads them: `200 k` is a number here; what is none is said there."""
    return typed | {name: _number(typed[name]) for name in ("tokens", "calls") if typed[name]}


def _number(text: str) -> str:
    try:
        return str(whole(text))
    except ValueError:
        return text


def _page(wrong: Shown | None = None) -> str:
    session = db.session()
    today = date.fromisoformat(budgets.today(session))
    days = by(session, SpendBy.DAY, Filters(days=spend_bars.DAYS))
    sums = total(session, Filters(days=spend_bars.DAYS))
    is_money = request.args.get("of", "money" if sums.cost or not sums.tokens else "tokens") == "money"
    is_of_agent = wrong is not None and wrong.standing.kind is BudgetKind.AGENT
    agents = _agents(session, wrong if is_of_agent else None)
    names = [each.name for each in agents]
    return render_template(
        "pages/spend.html",
        today=next((spent for spent in days if spent.name == today.isoformat()), spend_bars.NOTHING),
        bars=spend_bars.of(days, today, is_money=is_money),
        sums=sums,
        day=wrong if wrong is not None and not is_of_agent else shown(BudgetKind.DAY, ""),
        agents=agents,
        more_agents=(session.scalar(select(func.count(Agent.id))) or 0) - len(agents),
        by_agent=_spent_by(session, names, days=30),
        by_agent_lately=_spent_by(session, names, days=1),
        by_model=by(session, SpendBy.MODEL, Filters(), SHOWN),
        by_task=_titled(session, by(session, SpendBy.TASK, Filters(), SHOWN)),
        wrong=wrong,
    )


def _agents(session: Session, wrong: Shown | None) -> list[Shown]:
    """The first by name; the one whose limits were typed wrong is among them."""
    names = list(session.scalars(select(Agent.name).order_by(Agent.name).limit(MOST_AGENTS)))
    if wrong is not None and wrong.name not in names:
        names.append(wrong.name)
    standings = budget_limits.of_agents(session, names)
    return [wrong if wrong and wrong.name == each.name else Shown(each, as_typed(each)) for each in standings]


def _spent_by(session: Session, names: list[str], days: int) -> dict[str, Spent]:
    found = by(session, SpendBy.AGENT, Filters(days=days, agents=names), len(names))
    return {spent.name: spent for spent in found}


def _titled(session: Session, spent: list[Spent]) -> list[tuple[Spent, str]]:
    """Each with its task's title; empty where the task is gone."""
    ids = [each.name for each in spent if each.name]
    titles = {row.id: row.title for row in session.execute(select(Task.id, Task.title).where(Task.id.in_(ids)))}
    return [(each, titles.get(each.name, "")) for each in spent]
