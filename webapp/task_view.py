"""A task as its page shows it: its steps with what is still planned, its stages, its bars in time.

The page: pages/task.py.  A step's command line: step_words.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, defer

from models.event import Event
from models.states import TERMINAL, Stage, State
from models.step import Step, StepState
from models.task import Task
from webapp.amounts import duration
from webapp.conversation import is_model_plan

MOST_SHOWN = 120
MOST_EARLIER = 400
SCALE = 1000.0
"""Length of the time axis in the drawing's units."""
THINNEST = 4.0


# Kinds of events that say how a task came into a state, by the state.
TOLD = {
    State.CANCELLED: ("task.cancelled", "task.cancel_requested"),
    State.PAUSED: ("task.paused", "task.pause_requested", "task.stop_requested"),
    State.QUEUED: ("task.retry_planned",),
    State.FAILED: ("task.failed",),
}


@dataclass(frozen=True)
class Planned:
    """A step that has not begun."""

    position: int
    title: str
    tool: str
    stage: str


@dataclass(frozen=True)
class Earlier:
    """Steps that one retry or replay, at that time, replaced by new ones."""

    at: datetime
    steps: list[Step]


@dataclass(frozen=True)
class Told:
    """An event, and who wanted what it tells."""

    event: Event
    author: str


@dataclass(frozen=True)
class Bar:
    """A step in time, in the drawing's units."""

    step: Step
    start: float
    length: float
    seconds: float


@dataclass(frozen=True)
class Strip:
    """The bars of all steps over one axis that is `seconds` long; `marks` are (place, label)."""

    bars: list[Bar]
    seconds: float
    marks: list[tuple[float, str]]


@dataclass(frozen=True)
class StageMark:
    """One stage of the checklist: `done`, `now`, `ahead` or `broken`."""

    stage: Stage
    standing: str


def steps_of(session: Session, task: Task) -> list[Step]:
    """The steps that count, in order, without what they printed.

    A retry or replay keeps those that it goes on from, whatever epoch they are of.
    """
    live = _of(task).where(Step.superseded_at.is_(None))
    return list(session.scalars(live.order_by(Step.position, Step.started_at)))


def earlier_of(session: Session, task: Task) -> list[Earlier]:
    """What retries and replays left behind, the latest first."""
    if task.epoch == 1:
        return []
    left = _of(task).where(Step.superseded_at.is_not(None)).order_by(Step.superseded_at.desc(), Step.position)
    groups = groupby(session.scalars(left.limit(MOST_EARLIER)), key=lambda step: step.superseded_at)
    return [Earlier(at, list(steps)) for at, steps in groups if at is not None]


def told_last(session: Session, task: Task) -> Told | None:
    """What the timeline says of how the task came into the state it is in; None where it says nothing."""
    kinds = TOLD.get(State(task.state), ())
    if not kinds:
        return None
    mine = select(Event).where(Event.subject_id == task.id, Event.kind.in_(kinds)).order_by(Event.number.desc())
    events = list(session.scalars(mine.limit(2)))
    if not events:
        return None
    # The run that obeyed a wish wrote the last one; whose wish it was stands in the one before.
    wish = next((event for event in events if event.kind.endswith("_requested")), events[0])
    return Told(events[0], wish.author)


def _of(task: Task) -> Select[Step]:
    mine = select(Step).where(Step.task_id == task.id)
    return mine.options(defer(Step.stdout), defer(Step.stderr), defer(Step.output))


def planned_after(task: Task, steps: Sequence[Step]) -> list[Planned]:
    """The steps of the plan that have not begun; empty once the task has ended."""
    if task.state in TERMINAL:
        return []
    begun = {step.key.partition("[")[0] for step in steps}
    ahead = [planned for planned in task.plan.content.get("steps", []) if planned.get("name") not in begun]
    first = max((step.position for step in steps), default=0) + 1
    return [
        Planned(first + index, planned.get("title") or planned["tool"], planned["tool"], planned["stage"])
        for index, planned in enumerate(ahead)
    ]


def shown(steps: Sequence[Step], *, is_all: bool) -> list[Step]:
    """The steps to draw: all, or of very many the failed ones and the last."""
    if is_all or len(steps) <= MOST_SHOWN:
        return list(steps)
    last = set(range(len(steps) - MOST_SHOWN, len(steps)))
    return [step for index, step in enumerate(steps) if index in last or step.state == StepState.FAILED]


def stages_of(task: Task, steps: Sequence[Step] = ()) -> list[StageMark]:
    """The stages that the plan passes, and where the task stands among them."""
    planned = _planned_stages(task, steps) | {Stage(task.stage), Stage.COMPLETE}
    order = [stage for stage in Stage if stage in planned]
    here = order.index(Stage(task.stage))
    marks = []
    for index, stage in enumerate(order):
        if task.state == State.SUCCEEDED or index < here:
            standing = "done"
        elif index > here or task.state == State.QUEUED:
            standing = "ahead"
        else:
            standing = "broken" if task.state in (State.FAILED, State.CANCELLED) else "now"
        marks.append(StageMark(stage, standing))
    return marks


def _planned_stages(task: Task, steps: Sequence[Step]) -> set[Stage]:
    """A playbook's are known; of a model plan those that were entered, and while it is open those that may come."""
    if not is_model_plan(task):
        return {Stage(step["stage"]) for step in task.plan.content.get("steps", [])}
    every = list(Stage)
    ahead = [] if task.state in TERMINAL else every[every.index(Stage(task.stage)) :]
    return {Stage(step.stage) for step in steps} | set(ahead)


def strip_of(steps: Sequence[Step], at: datetime | None) -> Strip | None:
    """The steps as bars from the first one's begin to the last one's end; None without any.

    What runs ends `at`; None where nothing runs: then what has no end was cut off soon after its begin.
    """
    timed = [step for step in steps if step.state != StepState.SKIPPED]
    if not timed:
        return None
    begin = min(step.started_at for step in timed)
    end = max(step.finished_at or at or step.started_at for step in timed)
    whole = max((end - begin).total_seconds(), 0.001)
    bars = []
    for step in timed:
        seconds = ((step.finished_at or at or step.started_at) - step.started_at).total_seconds()
        start = (step.started_at - begin).total_seconds() / whole * SCALE
        length = max(seconds / whole * SCALE, THINNEST)
        bars.append(Bar(step, round(min(start, SCALE - length), 1), round(length, 1), seconds))
    marks = [(SCALE * part, duration(whole * part) if part else "0") for part in (0, 0.25, 0.5, 0.75, 1)]
    return Strip(bars, whole, marks)
