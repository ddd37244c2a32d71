"""Follow a playbook: its steps one after the other, beginning where earlier runs left off.

How one step is done: steps.py.  How the run ends: execution.py.
"""

from typing import Any

from models.errors import InvalidInput
from models.step import StepState
from tasks.plans import expressions
from tasks.plans.playbook import PlannedStep, Playbook
from tasks.runs.outcome import StepOutcome
from tasks.runs.steps import Run, StepFailed, enter, obey, perform, settle


def follow(run: Run, playbook: Playbook) -> None:
    """Do what is left of the plan; the last step's end is noted, and not written yet.

    Raises:
        Halted, CutBefore, StepFailed: the run ends before its last step.
        OpsCoreError: an error that is no step's.
    """
    run.total = len(playbook.steps)
    for planned in playbook.steps:
        _do(run, planned)


def _do(run: Run, planned: PlannedStep) -> None:
    """Do the planned step, once or once for each item of its list."""
    enter(run, planned.stage)
    if planned.repeat is None:
        run.results[planned.name] = _one(run, planned, planned.name, _names(run))
        return
    items = _evaluate(planned, planned.repeat, _names(run))
    if not isinstance(items, list):
        raise InvalidInput(f"cannot repeat {planned.name}: `repeat` is no list", step=planned.name)
    run.total += len(items) - 1
    run.ledger.plan_grew(run.total)
    outputs = [
        _one(run, planned, f"{planned.name}[{index}]", {**_names(run), "item": item})
        for index, item in enumerate(items)
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
    obey(run)
    title = str(_evaluate(planned, planned.title, names))
    if planned.when is not None and not _holds(_evaluate(planned, planned.when, names)):
        run.ledger.skip_step(key, run.position, planned, title, before)
        return _readable(None, "", {})
    outcome = _done(run, planned, key, title, _evaluate(planned, planned.with_, names))
    return _readable(outcome.exit_code, outcome.stdout, outcome.output)


def _done(run: Run, planned: PlannedStep, key: str, title: str, arguments: dict[str, Any]) -> StepOutcome:
    """Do the step; it succeeded."""
    done = perform(run, planned, key, title, arguments, run.earlier.get(key))
    if done.outcome.state is StepState.FAILED:
        raise StepFailed(planned, key, title, done.outcome, done.attempt)
    if run.position < run.total:
        settle(run)
    return done.outcome


def _names(run: Run) -> dict[str, Any]:
    """What expressions may read."""
    given = {"kind": run.source.kind, "path": run.source.inside, "name": run.source.name} if run.source else {}
    return {
        "inputs": run.task.inputs,
        "input": given,
        "steps": run.results,
        "task": {"id": run.task.id, "title": run.task.title},
    }


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
