"""The sums over all steps of a task, also over those that a transcript leaves out.

Only the columns that count are read: a step's texts may be large, and there may be many steps.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.step import Step
from models.task import Task
from webapp.amounts import between
from webapp.transcript.bounds import AT_ONCE
from webapp.transcript.spent import Spent


@dataclass
class Totals:
    """What the steps of a task came to."""

    states: Counter[str] = field(default_factory=Counter)
    seconds: float = 0
    spent: Spent = field(default_factory=Spent)
    prompts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The texts that conversations began with, by name: name, version, digest."""

    @property
    def steps(self) -> int:
        return self.states.total()


def totals_of(session: Session, task: Task) -> Totals:
    """Over all steps of the task."""
    totals = Totals()
    columns = select(Step.state, Step.usage, Step.started_at, Step.finished_at).where(Step.task_id == task.id)
    ordered = columns.order_by(Step.epoch, Step.position, Step.started_at)
    for state, usage, began, ended in session.execute(ordered.execution_options(yield_per=AT_ONCE)):
        totals.states[str(state)] += 1
        totals.seconds += between(began, ended) or 0
        if usage:
            totals.spent = totals.spent.with_call(usage)
            _note_prompt(totals, usage.get("prompt"))
    return totals


def _note_prompt(totals: Totals, prompt: Any) -> None:
    if isinstance(prompt, dict) and prompt.get("name"):
        totals.prompts[prompt["name"]] = prompt
