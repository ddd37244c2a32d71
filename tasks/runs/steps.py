"""One step of a run, of whatever plan: begun, called, kept and written as it happens, or taken from an earlier run.

For each step: note it as started, call the tool, snapshot the folder, write result and snapshot in one
transaction.  What was noted is written before the call where the tool needs anything outside of this process or
must not be called twice; else with the result.  Which step comes next: playbook_run.py, minds/.  How a run ends:
execution.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

import settings
from models.claim import Fenced
from models.errors import OpsCoreError
from models.states import Stage
from models.step import Step, StepState
from models.task import Task
from tasks.approvals import gate
from tasks.orders.inputs import Source
from tasks.plans.plan_fields import PlanFields
from tasks.plans.playbook import PlannedStep
from tasks.runs import calls
from tasks.runs.ledger import Ledger, OfAgent
from tasks.runs.limits import of_step
from tasks.runs.outcome import StepOutcome, clean, of_error
from tasks.runs.place import Place
from tasks.runs.retry import uses_attempt
from tasks.runs.wishes import Pulse, Wish
from tools import triggers
from tools.contract import Effect, Tool
from tools.limits import Effective
from tools.registry import find
from tools.waiting import Wait


class Halted(Exception):
    """Somebody wants the run to end; the call that ran was cut where there is an outcome."""

    def __init__(self, wish: Wish, cut: "Cut | None" = None) -> None:
        super().__init__(wish)
        self.wish = wish
        self.cut = cut


class CutBefore(Exception):
    """A step that must not be done twice was cut off in an earlier run: only a person knows what it did."""

    def __init__(self, step: Step) -> None:
        super().__init__(step.key)
        self.step = step


class Parked(Exception):
    """The task waits, and no worker for it, until its question is answered; then this step is begun again."""

    def __init__(self, question: dict[str, Any], rows: Callable[[Session], None] | None = None) -> None:
        super().__init__(question.get("kind"))
        self.question = question
        self.rows = rows
        """What is written in the transaction that asks."""


class PlanRefused(Exception):
    """The plan must not be begun: nobody approved it."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class GivenUp(Exception):
    """The plan's own end without success: nothing broke, and no further attempt by itself."""

    def __init__(self, code: str, message: str, **told: Any) -> None:
        super().__init__(code, message)
        self.code = code
        # It may quote what a model said or a file holds.
        self.message = clean(message)
        self.told = clean(told)


class StepFailed(Exception):
    """A step failed; its end is noted."""

    def __init__(self, planned: PlannedStep, key: str, title: str, outcome: StepOutcome, attempt: int) -> None:
        super().__init__(key)
        self.planned = planned
        self.key = key
        self.title = title
        self.outcome = outcome
        self.attempt = attempt


@dataclass(frozen=True)
class Cut:
    """A step whose call was cut off, and what it came to."""

    step_id: str
    key: str
    title: str
    outcome: StepOutcome


@dataclass
class Run:
    """One run at work."""

    ledger: Ledger
    task: Task
    plan: PlanFields
    source: Source | None
    place: Place
    earlier: dict[str, Step]
    stage: Stage | None = None
    position: int = 0
    total: int = 0
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    explain: Callable[[StepOutcome, str, dict[str, Any]], str] | None = None
    """What the model is told of what came of a call of that tool with these arguments; None: nobody is told."""

    @property
    def pulse(self) -> Pulse:
        return self.ledger.pulse


@dataclass(frozen=True)
class Begun:
    """A step that was noted as started."""

    step_id: str
    key: str
    title: str
    attempt: int
    limits: Effective


@dataclass(frozen=True)
class Done:
    """A step that came to its end, well or not; its end is noted and not written yet."""

    outcome: StepOutcome
    attempt: int
    arguments: dict[str, Any]
    """Those that it was called with: a person may have changed them."""


def perform(
    run: Run,
    planned: PlannedStep,
    key: str,
    title: str,
    arguments: dict[str, Any],
    before: Step | None = None,
    parent_id: str | None = None,
) -> Done:
    """Do the step by its tool, over what an earlier run left of it.

    Raises:
        CutBefore: it must not be done twice, and an earlier run was cut off in it.
        Parked: it waits for an answer.
        Halted: somebody wants the run to end.
    """
    obey(run)
    tool = find(planned.tool)
    if before is not None and before.state == StepState.STARTED and tool.effect is Effect.ONCE:
        raise CutBefore(before)
    of_agent = run.ledger.of_agent()
    step = gate.Intended(planned, key, title, arguments)
    match gate.before_call(run.ledger, run.place, run.plan, step, of_agent.approvals):
        case gate.Ask(question, rows):
            raise Parked(question, rows)
        case gate.Refused() as refused:
            begun = begin(run, planned, key, title, arguments, before, parent_id, of_agent)
            return _leave_undone(run, begun, refused, planned.tool, arguments)
        case gate.Go(approved):
            arguments = approved
    if tool.uses_workspace:
        run.place.workspace  # noqa: B018  (made now: before the step begins)
    begun = begin(run, planned, key, title, arguments, before, parent_id, of_agent)
    if tool.needs or tool.effect is Effect.ONCE:
        run.ledger.settle()
    triggers.at("step.after_start")
    outcome = _call(run, planned, arguments, begun, tool)
    triggers.at("step.after_call")
    stop_if_cut(run, begun, outcome)
    _keep(run, outcome, tool)
    _explain(run, outcome, tool.name, arguments)
    triggers.at("step.before_finish")
    run.ledger.finish_step(begun.step_id, key, title, outcome)
    return Done(outcome, begun.attempt, arguments)


def begin_plan(run: Run) -> None:
    """Go on only where the plan as a whole needs no approval, or has it.

    Raises:
        Parked: a person is asked.
        PlanRefused: a person said no, or nobody answered.
    """
    match gate.before_plan(run.ledger, run.plan):
        case gate.Ask(question, rows):
            raise Parked(question, rows)
        case gate.Refused(code, reason):
            raise PlanRefused(code, reason)


def begin(
    run: Run,
    planned: PlannedStep,
    key: str,
    title: str,
    arguments: dict[str, Any],
    before: Step | None = None,
    parent_id: str | None = None,
    of_agent: OfAgent | None = None,
    limits: Effective | None = None,
) -> Begun:
    """Note that the step begins; its end is the ledger's `finish_step`.  Without `limits` those of its tool hold."""
    if limits is None:
        of_agent = of_agent or run.ledger.of_agent()
        limits = of_step(settings.load(), run.task, run.plan, planned, of_agent.limits)
    attempt = 1 if before is None else before.attempt + _used_attempt(before)
    triggers.at("step.before_start")
    step_id = run.ledger.start_step(
        key, run.position, planned, title, arguments, limits, before, attempt, parent_id=parent_id
    )
    return Begun(step_id, key, title, attempt, limits)


def stop_if_cut(run: Run, begun: Begun, outcome: StepOutcome) -> None:
    """End the run if its call was told to end, and did.

    Raises:
        Halted: it was.
    """
    if run.pulse.cut is not None and outcome.state is StepState.FAILED:
        run.pulse.demand()
        raise Halted(run.pulse.cut, Cut(begun.step_id, begun.key, begun.title, outcome))


def obey(run: Run) -> None:
    """Begin no step that nobody wants.

    Raises:
        Halted: the run is to end.
    """
    run.pulse.demand()
    if (wish := run.pulse.wish) is not None:
        raise Halted(wish)


def enter(run: Run, stage: Stage) -> None:
    """Note that the work has come to the stage, unless it is there already."""
    if stage is not run.stage:
        run.stage = stage
        run.place.enter(stage)
        run.ledger.enter_stage(stage)


def settle(run: Run) -> None:
    """Write the end of a step behind which another comes."""
    run.ledger.settle()
    triggers.at("step.after_finish")


def _leave_undone(run: Run, begun: Begun, refused: gate.Refused, tool: str, arguments: dict[str, Any]) -> Done:
    """Note a step that must not be done: nothing was called, and the folder is as it was."""
    outcome = refused.outcome
    outcome.snapshot_before = outcome.snapshot = run.place.snapshot
    _explain(run, outcome, tool, arguments)
    run.ledger.finish_step(begun.step_id, begun.key, begun.title, outcome)
    return Done(outcome, begun.attempt, arguments)


def _explain(run: Run, outcome: StepOutcome, tool: str, arguments: dict[str, Any]) -> None:
    if run.explain is not None:
        outcome.for_model = run.explain(outcome, tool, arguments)


def _used_attempt(before: Step) -> bool:
    """Whether that was an attempt: not where it was cut off, or a service was left alone and nothing was called."""
    return before.state == StepState.FAILED and uses_attempt(before.error_code or "")


def _call(run: Run, planned: PlannedStep, arguments: dict[str, Any], begun: Begun, tool: Tool) -> StepOutcome:
    def note(told: list[Any]) -> None:
        run.ledger.told_in_step(begun.step_id, begun.key, told)

    about = (planned.tool, begun.key, begun.step_id, arguments, begun.limits)
    wanted = calls.ToCall(*about, note, run.pulse.cuts, run.ledger.settle_if_due, begun.attempt, run.ledger.patiently)
    run.pulse.cut = None
    try:
        return calls.call(run.task, run.place.workspace if tool.uses_workspace else None, wanted)
    except Wait as wait:
        step = {"step": begun.step_id, "key": begun.key, "title": begun.title, "tool": planned.tool}
        raise Parked({**step, **wait.question}) from wait
    except Fenced:
        raise
    except OpsCoreError as error:
        run.pulse.demand()
        return of_error(error)


def _keep(run: Run, outcome: StepOutcome, tool: Tool) -> None:
    """Keep what the step left in the folder; one that changes nothing leaves it as it was."""
    outcome.snapshot_before = outcome.snapshot = run.place.snapshot
    if not tool.uses_workspace or tool.effect is Effect.PURE:
        return
    try:
        run.place.keep(outcome)
    except OpsCoreError as error:
        # What the tool said stays; a folder that cannot be kept fails the step all the same.
        kept = of_error(error)
        outcome.state, outcome.error_code, outcome.error_message = kept.state, kept.error_code, kept.error_message
        outcome.is_transient = kept.is_transient
