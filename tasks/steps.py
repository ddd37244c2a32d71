"""Do a run's steps, one after the other, each written as it happens, beginning where earlier runs left off.

For each step: note it as started, call the tool, snapshot the folder, write result and snapshot in one
transaction.  What was noted is written before the call where the tool needs anything outside of this process or
must not be called twice; else with the result.  How a run ends: execution.py.
"""

from dataclasses import dataclass, field
from typing import Any

import settings
from models.errors import InvalidInput, OpsCoreError
from models.states import Stage
from models.step import Step, StepState
from models.task import Task
from tasks import calls, expressions
from tasks.inputs import Source
from tasks.ledger import Ledger
from tasks.limits import of_step
from tasks.outcome import StepOutcome, of_error
from tasks.place import Place
from tasks.playbook import PlannedStep, Playbook
from tasks.retry import uses_attempt
from tasks.wishes import Pulse, Wish
from tools import triggers
from tools.contract import Effect, Tool
from tools.registry import find


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
    playbook: Playbook
    source: Source | None
    place: Place
    earlier: dict[str, Step]
    stage: Stage | None = None
    position: int = 0
    total: int = 0
    results: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def pulse(self) -> Pulse:
        return self.ledger.pulse

    @property
    def names(self) -> dict[str, Any]:
        """What expressions may read."""
        given = {"kind": self.source.kind, "path": self.source.inside, "name": self.source.name} if self.source else {}
        return {
            "inputs": self.task.inputs,
            "input": given,
            "steps": self.results,
            "task": {"id": self.task.id, "title": self.task.title},
        }


def do_all(run: Run) -> None:
    """Do what is left of the plan; the last step's end is noted, and not written yet.

    Raises:
        Halted, CutBefore, StepFailed: the run ends before its last step.
        OpsCoreError: an error that is no step's.
    """
    run.total = len(run.playbook.steps)
    for planned in run.playbook.steps:
        _do(run, planned)


def _do(run: Run, planned: PlannedStep) -> None:
    """Do the planned step, once or once for each item of its list."""
    if planned.stage is not run.stage:
        run.stage = planned.stage
        run.place.enter(planned.stage)
        run.ledger.enter_stage(planned.stage)
    if planned.repeat is None:
        run.results[planned.name] = _one(run, planned, planned.name, run.names)
        return
    items = _evaluate(planned, planned.repeat, run.names)
    if not isinstance(items, list):
        raise InvalidInput(f"cannot repeat {planned.name}: `repeat` is no list", step=planned.name)
    run.total += len(items) - 1
    run.ledger.plan_grew(run.total)
    outputs = [
        _one(run, planned, f"{planned.name}[{index}]", {**run.names, "item": item}) for index, item in enumerate(items)
    ]
    run.results[planned.name] = {
        "outputs": [each["output"] for each in outputs],
        **(outputs[-1] if outputs else {}),
    }


def _one(run: Run, planned: PlannedStep, key: str, names: dict[str, Any]) -> dict[str, Any]:
    """Do the step, or take what an earlier run did; returns what later steps may read of it."""
    run.position += 1
    before = run.earlier.get(key)
    if before is not None and before.state in (StepState.SUCCEEDED, StepState.SKIPPED):
        return _readable(before.exit_code, before.stdout, before.output)
    _obey(run)
    title = str(_evaluate(planned, planned.title, names))
    if planned.when is not None and not _holds(_evaluate(planned, planned.when, names)):
        run.ledger.skip_step(key, run.position, planned, title, before)
        return _readable(None, "", {})
    tool = find(planned.tool)
    if before is not None and before.state == StepState.STARTED and tool.effect is Effect.ONCE:
        raise CutBefore(before)
    outcome = _called(run, planned, key, title, _evaluate(planned, planned.with_, names), tool, before)
    return _readable(outcome.exit_code, outcome.stdout, outcome.output)


def _called(
    run: Run, planned: PlannedStep, key: str, title: str, arguments: dict[str, Any], tool: Tool, before: Step | None
) -> StepOutcome:
    """Do the step; it succeeded."""
    limits = of_step(settings.load(), run.task, run.playbook, planned, run.ledger.limits_of_agent())
    attempt = 1 if before is None else before.attempt + _used_attempt(before)
    if tool.uses_workspace:
        run.place.workspace  # noqa: B018  (made now: before the step begins)
    triggers.at("step.before_start")
    step_id = run.ledger.start_step(key, run.position, planned, title, arguments, limits, before, attempt)
    if tool.needs or tool.effect is Effect.ONCE:
        run.ledger.settle()
    triggers.at("step.after_start")

    def note(told: list[Any]) -> None:
        run.ledger.told_in_step(step_id, key, told)

    wanted = calls.ToCall(planned.tool, key, step_id, arguments, limits, note, run.pulse.cuts, run.ledger.settle_if_due)
    outcome = _call(run, wanted, tool)
    triggers.at("step.after_call")
    if run.pulse.cut is not None and outcome.state is StepState.FAILED:
        run.pulse.demand()
        raise Halted(run.pulse.cut, Cut(step_id, key, title, outcome))
    _keep(run, outcome, tool)
    triggers.at("step.before_finish")
    run.ledger.finish_step(step_id, key, title, outcome)
    if outcome.state is StepState.FAILED:
        raise StepFailed(planned, key, title, outcome, attempt)
    if run.position < run.total:
        run.ledger.settle()
        triggers.at("step.after_finish")
    return outcome


def _used_attempt(before: Step) -> bool:
    """Whether that was an attempt: not where it was cut off, or a service was left alone and nothing was called."""
    return before.state == StepState.FAILED and uses_attempt(before.error_code or "")


def _call(run: Run, wanted: calls.ToCall, tool: Tool) -> StepOutcome:
    run.pulse.cut = None
    try:
        return calls.call(run.task, run.place.workspace if tool.uses_workspace else None, wanted)
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


def _obey(run: Run) -> None:
    """Begin no step that nobody wants."""
    run.pulse.demand()
    if (wish := run.pulse.wish) is not None:
        raise Halted(wish)


def _readable(exit_code: int | None, stdout: str, output: dict[str, Any]) -> dict[str, Any]:
    return {"exit_code": exit_code, "output": {**output, "stdout": stdout}}


def _evaluate(planned: PlannedStep, value: Any, names: dict[str, Any]) -> Any:
    try:
        return expressions.render(value, names)
    except InvalidInput as error:
        raise InvalidInput(f"cannot begin the step {planned.name}: {error.message}", step=planned.name) from error


def _holds(value: Any) -> bool:
    """A condition's truth; the texts that people write for no are no."""
    return value.strip().lower() not in ("", "false", "no", "0", "none") if isinstance(value, str) else bool(value)
