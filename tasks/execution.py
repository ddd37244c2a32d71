"""Run a claimed task: prepare its folder, then one step after the other, each written as it happens.

For each step: write it as started, call the tool in the sandbox, snapshot the folder, write
result and snapshot in one update.  A later run finds the finished steps, restores the last
snapshot into a folder of its own, and goes on.  The writes: ledger.py.  One call: calls.py.
"""

import time
import uuid
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import settings
from models.claim import Claim, Fenced
from models.errors import InvalidInput, OpsCoreError, ToolFailed
from models.states import Stage
from models.step import Step, StepState
from models.task import Task
from tasks import calls, expressions, folders, leftovers, readme
from tasks.inputs import Source, find_source
from tasks.ledger import Ledger
from tasks.limits import of_step
from tasks.outcome import StepOutcome, of_error
from tasks.playbook import PlannedStep, Playbook
from tools import identity
from tools.history import History
from tools.workspace import Workspace

STORE = "local"


@dataclass
class Run:
    """One run at work."""

    ledger: Ledger
    task: Task
    playbook: Playbook
    source: Source | None
    workspace: Workspace
    history: History
    snapshot: str | None
    done: dict[str, Step]
    stage: Stage | None = None
    position: int = 0
    results: dict[str, dict[str, Any]] = field(default_factory=dict)

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


def execute(claim: Claim) -> None:
    """Work on the claimed task until it succeeded or failed.

    Raises:
        Fenced: another run owns the task by now; nothing was written after it took over.
    """
    ledger = Ledger(claim)
    try:
        with identity.lent() as owner:
            run = _prepare(ledger, owner)
            for planned in run.playbook.steps:
                _do(run, planned)
            run.workspace.write_bytes(readme.FILE, _readme(run, Stage.COMPLETE))
            ledger.succeed()
    except Fenced:
        raise
    except OpsCoreError as error:
        ledger.fail(error)


def _prepare(ledger: Ledger, owner: int | None) -> Run:
    """A folder of this run's own and its uid's, as the last finished step left it, or new with the inputs copied in."""
    begun = time.monotonic()
    task = ledger.task()
    playbook = Playbook.model_validate(task.plan.content)
    source = find_source(settings.load(), playbook, task.inputs)
    before = ledger.workspace()
    name = uuid.uuid4().hex
    history = folders.history_at(task.id)
    with leftovers.replacing(before.folder if before is not None else None, name):
        first = readme.readme(task, None, _stages(playbook)).decode()
        workspace = Workspace.create(folders.workspaces_root(), name, first, owner)
        try:
            if before is not None and before.snapshot is not None:
                history.restore(before.snapshot, workspace)
                snapshot = before.snapshot
                told: dict[str, Any] = {"restored": snapshot}
            else:
                _fill(workspace, playbook, source)
                kept = history.snapshot(workspace)
                snapshot, told = kept.id, {"files": kept.files, "bytes": kept.total_bytes}
            told["wall_ms"] = round((time.monotonic() - begun) * 1000)
            row = {"store": STORE, "folder": name, "run_number": ledger.claim.run_number, "snapshot": snapshot}
            ledger.workspace_ready(row, told)
        except BaseException:
            # No row names the folder yet.
            workspace.remove()
            raise
    return Run(ledger, task, playbook, source, workspace, history, snapshot, ledger.finished_steps())


def _fill(workspace: Workspace, playbook: Playbook, source: Source | None) -> None:
    told = settings.load()
    for path, text in playbook.files.items():
        workspace.write_bytes(path, text.encode())
    if source is not None:
        copied = workspace.copy_in(
            source.path, "src/input", max_bytes=told.input_max_bytes, without=told.data_dir.resolve()
        )
        # An upload lies under its id on the host, and has its own name here.
        if source.kind == "file" and copied != [source.inside]:
            workspace.move(copied[0], source.inside)


def _do(run: Run, planned: PlannedStep) -> None:
    """Do the planned step, once or once for each item of its list."""
    if planned.stage is not run.stage:
        run.stage = planned.stage
        run.ledger.enter_stage(planned.stage)
        run.workspace.write_bytes(readme.FILE, _readme(run, planned.stage))
    if planned.repeat is None:
        run.results[planned.name] = _one(run, planned, planned.name, run.names)
        return
    items = _evaluate(planned, planned.repeat, run.names)
    if not isinstance(items, list):
        raise InvalidInput(f"cannot repeat {planned.name}: `repeat` is no list", step=planned.name)
    later = len(run.playbook.steps) - run.playbook.steps.index(planned) - 1
    run.ledger.plan_grew(run.position + len(items) + later)
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
    if key in run.done:
        earlier = run.done[key]
        return _readable(earlier.exit_code, earlier.stdout, earlier.output)
    title = str(_evaluate(planned, planned.title, names))
    if planned.when is not None and not _holds(_evaluate(planned, planned.when, names)):
        run.ledger.skip_step(key, run.position, planned, title)
        return _readable(None, "", {})
    arguments = _evaluate(planned, planned.with_, names)
    limits = of_step(settings.load(), run.task, planned, run.ledger.limits_of_agent())
    step_id = run.ledger.start_step(key, run.position, planned, title, arguments, limits)
    write = partial(run.ledger.told_in_step, step_id, key)
    outcome = _call(run, calls.ToCall(planned.tool, key, step_id, arguments, limits, write))
    run.ledger.finish_step(step_id, key, title, outcome)
    if outcome.state is StepState.FAILED:
        raise ToolFailed(f"cannot finish the step “{title}”: {outcome.error_message}", transient=False)
    return _readable(outcome.exit_code, outcome.stdout, outcome.output)


def _call(run: Run, wanted: calls.ToCall) -> StepOutcome:
    try:
        outcome = calls.call(run.task, run.workspace, wanted)
    except Fenced:
        raise
    except OpsCoreError as error:
        outcome = of_error(error)
    try:
        calls.keep(outcome, run.workspace, run.history, run.snapshot)
    except OpsCoreError as error:
        # What the tool said stays; a folder that cannot be kept fails the step all the same.
        kept = of_error(error)
        outcome.state, outcome.error_code, outcome.error_message = kept.state, kept.error_code, kept.error_message
    run.snapshot = outcome.snapshot or run.snapshot
    return outcome


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


def _stages(playbook: Playbook) -> list[Stage]:
    return [*dict.fromkeys(step.stage for step in playbook.steps), Stage.COMPLETE]


def _readme(run: Run, stage: Stage) -> bytes:
    return readme.readme(run.task, stage, _stages(run.playbook))
