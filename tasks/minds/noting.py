"""Steps of the engine's own: what no tool does and the model is told all the same, begun and ended at once."""

from typing import Any

from models.step import StepState
from tasks.minds import results
from tasks.minds.mind import Mind
from tasks.minds.record import BAD_CALL, Act, Turn
from tasks.plans.playbook import PlannedStep
from tasks.runs.outcome import StepOutcome, clean
from tasks.runs.steps import begin, obey, settle

LONGEST_TOOL = 80


def bad(text: str, code: str = BAD_CALL) -> StepOutcome:
    """A call that the model has to mend."""
    return StepOutcome(state=StepState.FAILED, error_code=code, error_message=clean(text))


def note(
    mind: Mind,
    turn: Turn,
    number: int,
    tool: str,
    arguments: dict[str, Any],
    came: StepOutcome | str,
    *,
    title: str = "",
    is_last: bool = False,
) -> None:
    """Keep what became of a call; written at once, unless the end of the task is written with it."""
    run, key = mind.run, f"{turn.key}.{number}"
    obey(run)
    tool = clean(tool)[:LONGEST_TOOL] or "?"
    outcome = StepOutcome(state=StepState.SUCCEEDED, stdout=clean(came)) if isinstance(came, str) else came
    outcome.snapshot_before = outcome.snapshot = run.place.snapshot
    outcome.for_model = results.marked(tool, _status(outcome), [outcome.error_message or outcome.stdout])
    title = title or tool
    planned = PlannedStep(name=key.replace(".", "_"), title=title, stage=mind.stage, tool=tool)
    run.position += 1
    begun = begin(run, planned, key, title, arguments, run.earlier.get(key), turn.step_id, limits=mind.limits())
    run.ledger.finish_step(begun.step_id, key, title, outcome)
    turn.acts.append(
        Act(key, tool, arguments, outcome.for_model, mind.epoch, outcome.error_code, outcome.error_message or "")
    )
    if not is_last:
        settle(run)


def _status(outcome: StepOutcome) -> str:
    return "ok" if outcome.state is StepState.SUCCEEDED else "failed"
