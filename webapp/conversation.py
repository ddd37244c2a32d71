"""A task that a model works on, as its page shows it: what the model answered, what it did between, what that used.

Each answer and each call is a step (models/step.py); the calls of an answer are its children.  The tab: pages/task.py;
what a step looks like: templates/parts/turn.html, parts/step.html.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.budget import Budget, BudgetKind
from models.errors import NotFound
from models.event import Event
from models.states import State
from models.step import MODEL_CALL, Step, StepState
from models.task import Task
from tasks import prompts

MODEL = "model"
MOST_FALLBACKS = 500


@dataclass(frozen=True)
class Used:
    """What model calls used together; `unpriced` of them nobody knows the cost."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    unpriced: int = 0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True)
class Meter:
    """One limit of a budget: what is used of it, and reserved for calls that run."""

    name: str
    kind: str
    """`money`, `tokens`, `calls` or `time`: how its numbers are written."""
    most: int
    used: int
    reserved: int = 0

    @property
    def is_tight(self) -> bool:
        """Whether nine tenths are gone."""
        return (self.used + self.reserved) * 10 >= self.most * 9


@dataclass(frozen=True)
class Told:
    """A prompt: its text where it is still the one that was used, and the version that is here `now`."""

    text: str
    now: str


@dataclass(frozen=True)
class Turns:
    """What the Steps tab needs beside the steps, by the steps' ids."""

    texts: dict[str, str] = field(default_factory=dict)
    """What the model said."""
    calls: dict[str, list[Step]] = field(default_factory=dict)
    """What it did then."""
    answer: Step | None = None
    """The last thing that it said, once the task has ended well."""
    fell_back: dict[str, list[Event]] = field(default_factory=dict)
    """Which models did not answer before the one that did, and why."""


def is_model_plan(task: Task) -> bool:
    """Whether a model decides what the task does next."""
    return bool(task.plan.content.get("kind") == MODEL)


def turns_of(session: Session, task: Task, steps: Sequence[Step]) -> Turns:
    """How the steps hang together."""
    asked = [step for step in steps if step.tool == MODEL_CALL]
    if not asked:
        return Turns()
    found = select(Step.id, Step.stdout).where(Step.id.in_([step.id for step in asked]))
    texts = {row.id: row.stdout for row in session.execute(found)}
    calls: dict[str, list[Step]] = {step.id: [] for step in asked}
    for step in steps:
        if step.parent_id in calls:
            calls[step.parent_id].append(step)
    good = [step for step in asked if step.state == StepState.SUCCEEDED and texts[step.id].strip()]
    answer = good[-1] if good and task.state == State.SUCCEEDED else None
    return Turns(texts, calls, answer, _fell_back(session, task))


def _fell_back(session: Session, task: Task) -> dict[str, list[Event]]:
    told = select(Event).where(Event.subject_id == task.id, Event.kind == "model.fell_back")
    found: dict[str, list[Event]] = {}
    for event in session.scalars(told.order_by(Event.number).limit(MOST_FALLBACKS)):
        found.setdefault(str(event.data.get("step")), []).append(event)
    return found


def prompt_of(step: Step) -> Told | None:
    """The prompt that the model was asked with; None of a step that asked none."""
    said = (step.usage or {}).get("prompt")
    if not isinstance(said, dict):
        return None
    try:
        prompt = prompts.find(str(said.get("name")))
    except NotFound:
        return Told("", "")
    return Told(prompt.text if prompt.digest == said.get("digest") else "", prompt.version)


def used_by(steps: Sequence[Step]) -> Used:
    """What the model calls among the steps used."""
    usages: list[dict[str, Any]] = [step.usage for step in steps if step.tool == MODEL_CALL and step.usage]
    costs = [usage.get("cost") for usage in usages]
    return Used(
        calls=len(usages),
        input_tokens=sum(usage.get("input_tokens") or 0 for usage in usages),
        output_tokens=sum(usage.get("output_tokens") or 0 for usage in usages),
        cost=sum(cost for cost in costs if cost is not None),
        unpriced=costs.count(None),
    )


def meters_of(session: Session, kind: BudgetKind, name: str) -> list[Meter]:
    """What is used of each limit of the budget; empty where it has none."""
    budget = session.scalars(select(Budget).where(Budget.kind == kind, Budget.name == name)).one_or_none()
    return [] if budget is None else meters(budget)


def meters(budget: Budget) -> list[Meter]:
    """Its limits, each with what counts against it."""
    every = (
        ("Money", "money", budget.max_cost, budget.used_cost, budget.reserved_cost),
        ("Tokens", "tokens", budget.max_tokens, budget.used_tokens, budget.reserved_tokens),
        ("Model calls", "calls", budget.max_calls, budget.used_calls, budget.reserved_calls),
        ("Time", "time", budget.max_wall_ms, budget.used_wall_ms, 0),
    )
    return [Meter(name, kind, most, used, held) for name, kind, most, used, held in every if most is not None]
