"""What a person says about a model's work, in the form of a new task: tools, files, model, budget, approvals.

Drawn by templates/parts/thinking.html.  The rest of the form: new_task_form.py; what is wrong with it beyond its
form: tasks/orders/model_order.py.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from werkzeug.datastructures import MultiDict

from models.errors import Problem
from models.money import MICRO, micro_dollars
from tasks.orders.timing import span
from tasks.plans.model_plan import BudgetFields, ModelPlan
from tasks.plans.plan_fields import WHOLE_PLAN
from tools import quantities
from webapp import tool_words
from webapp.money import MILLION

BUDGET = "budget."
THOUSANDS = {"k": 1_000, "m": MILLION}
# A comma only between thousands: whoever writes 1,5 does not mean fifteen.
WRITTEN = re.compile(r"((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,13})(?:\.[0-9]{1,6})?)\s*([km]?)")


@dataclass(frozen=True)
class Limit:
    """One field of the budget."""

    name: str
    title: str
    example: str
    read: Callable[[str], Any]


def whole(text: str) -> int:
    """`200000`, `200,000`, `200 k` or `1.5 M` as a number; nothing is cut off: `1.5` is refused.

    Raises:
        ValueError: it is none, no whole one, or below 1.
    """
    found = WRITTEN.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError("write a number such as 200 k")
    number = Decimal(found[1].replace(",", "")) * THOUSANDS.get(found[2], 1)
    if not 1 <= number <= 10**12 or number != int(number):
        raise ValueError("write a whole number from 1 on, such as 40 or 1.5 k")
    return int(number)


def whole_typed(number: int | None) -> str:
    """A number as somebody would type it: `200 k`, and exactly where it is not round; empty for none."""
    if number is None:
        return ""
    for unit, size in ((" M", MILLION), (" k", 1_000)):
        if number and number % size == 0:
            return f"{number // size}{unit}"
    return str(number)


def _dollars(text: str) -> float:
    found = micro_dollars(text) / MICRO
    if not found:
        raise ValueError("write an amount above zero, such as 0.50")
    return found


def _seconds(text: str) -> float:
    return span(text).total_seconds()


LIMITS = (
    Limit("cost", "Money, US dollars", "such as 0.50", _dollars),
    Limit("tokens", "Tokens", "such as 200 k", whole),
    Limit("calls", "Model calls", "such as 40", whole),
    Limit("wall_s", "Time", "such as 30 min", _seconds),
)


@dataclass
class Thinking:
    """What stands in the fields, beside what `base` says: the template, or an empty plan."""

    base: ModelPlan
    tools: list[str] = field(default_factory=tool_words.usual)
    asks: list[str] = field(default_factory=list)
    """Those of whose calls a person is asked first; `plan` for the whole.  What the base asks stays."""
    models: list[str] = field(default_factory=list)
    """None: those of the base, or by complexity."""
    promises: str = ""
    """A path on each line, besides those of the base."""
    budget: dict[str, str] = field(default_factory=dict)
    """As typed; what is left out is as the base says."""

    @classmethod
    def of(cls, plan: ModelPlan, base: ModelPlan) -> "Thinking":
        """What the plan says."""
        known = {promise.path for promise in base.promises}
        paths = "\n".join(promise.path for promise in plan.promises if promise.path not in known)
        models = plan.models if plan.models != base.models else []
        budget = {name: text for name, text in typed(plan.budget).items() if typed(base.budget).get(name) != text}
        return cls(base, [*plan.tools], [*plan.approvals], [*models], paths, budget)

    @classmethod
    def sent(cls, form: "MultiDict[str, str]", base: ModelPlan) -> "Thinking":
        """What was sent."""
        tools = form.getlist("tools")
        asks = [name for name in form.getlist("asks") if name == WHOLE_PLAN or name in tools]
        budget = {limit.name: form.get(BUDGET + limit.name, "").strip() for limit in LIMITS}
        told = {name: text for name, text in budget.items() if text}
        models = [name.strip() for name in form.get("model", "").split(",")]
        promises = form.get("promises", "").replace("\r\n", "\n")
        return cls(base, tools, asks, [name for name in models if name], promises, told)

    @property
    def paths(self) -> list[str]:
        """The files that must be there at the end, besides those of the base."""
        return [line.strip() for line in self.promises.splitlines() if line.strip()]

    def order_fields(self) -> dict[str, Any]:
        """For tasks.orders.submission.Order; what of the budget cannot be read is in `problems`."""
        fields: dict[str, Any] = {"tools": self.tools, "approvals": self.asks, "promises": self.paths}
        return {**fields, "model": self.models or None, "budget": self._read()[0]}

    def problems(self) -> list[Problem]:
        """What of the budget cannot be read."""
        return self._read()[1]

    def instead_of(self, plan: ModelPlan) -> dict[str, Any]:
        """The plan's contents with what stands in the fields in place of what it said."""
        kept = {promise.path: promise.model_dump() for promise in plan.promises}
        promises = [kept.get(path, {"path": path}) for path in self.paths]
        own = {"tools": self.tools, "approvals": self.asks, "models": self.models, "promises": promises}
        return {**plan.model_dump(mode="json", by_alias=True), **own, "budget": self._read()[0]}

    def _read(self) -> tuple[dict[str, Any], list[Problem]]:
        read: dict[str, Any] = {}
        wrong: list[Problem] = []
        for limit in LIMITS:
            if text := self.budget.get(limit.name):
                try:
                    read[limit.name] = limit.read(text)
                except ValueError as error:
                    wrong.append(Problem(path=BUDGET + limit.name, line=None, message=str(error)))
        return read, wrong


def typed(budget: BudgetFields) -> dict[str, str]:
    """A budget as somebody would type it."""
    seconds = budget.wall_s
    told: Mapping[str, str | None] = {
        "cost": None if budget.cost is None else f"{budget.cost:.6f}".rstrip("0").rstrip("."),
        "tokens": whole_typed(budget.tokens) or None,
        "calls": None if budget.calls is None else str(budget.calls),
        "wall_s": None if seconds is None else quantities.shown(seconds, quantities.Measure.SECONDS),
    }
    return {name: text for name, text in told.items() if text is not None}
