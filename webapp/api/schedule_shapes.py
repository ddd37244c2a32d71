"""What goes into the schedules' part of the API and what comes out."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from models.schedule import Missed, Outcome, Overlap, Repeats
from models.states import State
from webapp.api.shapes import Answer, Complexity, Question, Span, Thinking, WrittenLimits, WrittenRetry

LARGEST_PAGE = 200
MOST_TIMES = 50
Name = Annotated[str, Field(min_length=1, max_length=80)]
Rule = Annotated[
    str,
    Field(
        description="Cron: five fields, `30 6 * * MON-FRI`. Interval: a length of time, `15 min`. "
        "Once: RFC 3339; without a zone in the schedule's.",
        min_length=1,
        max_length=120,
        examples=["30 6 * * MON-FRI"],
    ),
]
Zone = Annotated[
    str,
    Field(description="IANA name of the time zone that cron lines are read in.", max_length=60, examples=["UTC"]),
]
MISSED = "For times that passed while nothing could fire: none, one task for all of them, or one each (100 at most)."
OVERLAP = "At a time when the task of an earlier one has not ended: submit all the same, skip it, or cancel that one."


class SchedulePath(Question):
    id: UUID = Field(description="The schedule's id.")


class ScheduleQuery(Question):
    name: str | None = Field(None, description="Only the one of this name.", max_length=80)
    cursor: str | None = Field(None, description="`next_cursor` of the page before.", max_length=80)
    limit: int = Field(50, ge=1, le=LARGEST_PAGE, description="Most schedules of a page.")


class FiringQuery(Question):
    cursor: datetime | None = Field(None, description="`next_cursor` of the page before.")
    limit: int = Field(50, ge=1, le=LARGEST_PAGE, description="Most firings of a page.")


class OrderShape(Thinking):
    """What to submit each time, as for a task."""

    template: str | None = Field(None, description="Name of a template, see /v1/templates.", max_length=80)
    playbook: str | dict[str, Any] | None = Field(
        None, description="A playbook or a model plan: YAML or JSON text, or the object itself."
    )
    inputs: dict[str, Any] = Field(default_factory=dict)
    title: str | None = Field(None, min_length=1, max_length=200)
    description: str = Field("", max_length=10_000)
    complexity: Complexity | None = None
    priority: int = Field(4, ge=0, le=9, description="Higher is sooner.")
    agent: str | None = Field(None, description="Only this agent may take it.", min_length=1, max_length=80)
    limits: WrittenLimits = Field(default_factory=dict)
    deadline: Span | None = Field(None, description="A task fails unless it has ended so long after its start.")
    retry: WrittenRetry = Field(default_factory=dict)


class NewSchedule(Question):
    """What to submit, and when."""

    name: Name
    order: OrderShape
    repeats: Repeats = Repeats.CRON
    rule: Rule
    time_zone: Zone = "UTC"
    missed: Missed = Field(Missed.ONE, description=MISSED)
    overlap: Overlap = Field(Overlap.SKIP, description=OVERLAP)


class ScheduleChange(Question):
    """What to change about a schedule; what is not named stays."""

    name: Name | None = None
    order: OrderShape | None = Field(None, description="The whole of what to submit from now on.")
    repeats: Repeats | None = None
    rule: Rule | None = None
    time_zone: Zone | None = None
    missed: Missed | None = Field(None, description=MISSED)
    overlap: Overlap | None = Field(None, description=OVERLAP)


class RulePreview(Question):
    """A rule to look at; nothing is kept."""

    repeats: Repeats = Repeats.CRON
    rule: Rule
    time_zone: Zone = "UTC"


class NothingMore(Question):
    """An empty object."""


class Times(Answer):
    rule: str = Field(description="The rule as it would be kept.")
    in_words: str
    next_times: list[datetime] = Field(description="In UTC; empty when there is none.")


class FiringShape(Answer):
    """A time of a schedule that has come."""

    due_at: datetime
    fired_at: datetime
    outcome: Outcome
    reason: str = Field(description="Why no task was submitted; empty when one was.")
    task_id: UUID | None
    task_state: State | None = Field(description="Of its task now; null without one.")


class Firings(Answer):
    firings: list[FiringShape] = Field(description="Newest first.")
    next_cursor: datetime | None


class ScheduleSummary(Answer):
    id: UUID
    name: str
    state: Literal["active", "paused", "ended"] = Field(description="`ended` has no time left.")
    repeats: Repeats
    rule: str
    in_words: str = Field(description="The rule as a sentence, without its zone.")
    time_zone: str
    missed: Missed
    overlap: Overlap
    next_at: datetime | None
    last: FiringShape | None = Field(description="The time that came last.")
    author: str
    created_at: datetime


class ScheduleDetail(ScheduleSummary):
    order: dict[str, Any] = Field(description="What it submits; a field that is not named has its default.")
    next_times: list[datetime] = Field(description="The next five, in UTC.")


class Schedules(Answer):
    schedules: list[ScheduleSummary] = Field(description="By name.")
    next_cursor: str | None = Field(description="Ask with it as `cursor` for those that follow; null on the last page.")
