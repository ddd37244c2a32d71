"""Open an ended task again at one of its steps: a new epoch, what was finished before that step is kept.

The steps from there on are history (`superseded_at`), and the next run starts from the workspace as it was when
the first of them began.  Who calls: tasks/control/one_task.py.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import case, delete, select, update
from sqlalchemy.orm import Session

from models.columns import database_now, now
from models.errors import InvalidInput, NotFound, Problem
from models.states import Move, State, move
from models.step import CUT_OFF, CUT_SHORT, Step, StepState
from models.task import Task
from models.workspace import Artifact, Workspace
from tasks import folders
from tasks.minds import record
from tasks.orders.submission import HEAD_START
from tasks.timeline import record_of_task
from tools.contract import Effect
from tools.registry import find

FINISHED = (StepState.SUCCEEDED, StepState.SKIPPED)


def reopen(session: Session, task: Task, from_step: str | int | None, **values: Any) -> Task:
    """Give the locked task, which has ended, back to its queue; without a step at the first that did not succeed.

    Raises:
        InvalidInput: it has no such step.
    """
    steps = live_steps(session, task.id)
    at = _unfinished(task, steps) if from_step is None else _named(task, steps, from_step)
    kept, again = steps[:at], steps[at:]
    if again:
        _restore(session, task, steps, at)
        has_doubt = from_step is None and _is_in_doubt(again[0])
        if has_doubt:
            _leave_open(again[0])
        _supersede(session, again[1:] if has_doubt else again)
    begun: dict[str, Any] = {
        "epoch": Task.epoch + 1, "attempts": 0, "losses": 0, "error_code": None, "error_message": None,
        "finished_at": None, "dead_letter_at": None, "question": None, "waits_until": None,
        "published_at": now(), "rank_at": now() - task.priority * HEAD_START,
        # One that is past would end the task again at once.
        "deadline_at": case((Task.deadline_at <= database_now(), None), else_=Task.deadline_at),
        "steps_done": len(kept),
    }  # fmt: skip
    if again:
        begun["stage"] = again[0].stage
    reopened = move(session, Move.REOPEN, Task.id == task.id, Task.state != State.RUNNING, **begun, **values)
    told = {"from_step": again[0].key, "title": again[0].title} if again else {}
    how = "retry" if from_step is None else "replay"
    record_of_task(session, reopened, "task.reopened", how=how, epoch=reopened.epoch, kept=len(kept), **told)
    return reopened


def live_steps(session: Session, task_id: str) -> list[Step]:
    """The task's steps that count, of whatever epoch, in the plan's order."""
    mine = select(Step).where(Step.task_id == task_id, Step.superseded_at.is_(None))
    return list(session.scalars(mine.order_by(Step.position, Step.started_at)))


def _unfinished(task: Task, steps: Sequence[Step]) -> int:
    """Index of the first that did not succeed; behind the last where all did.

    What failed for a model was told it, and is part of what it knows.
    """
    is_done = record.stands if task.plan.content.get("kind") == "model" else _has_succeeded
    return next((index for index, step in enumerate(steps) if not is_done(step)), len(steps))


def _has_succeeded(step: Step) -> bool:
    return step.state in FINISHED


def _named(task: Task, steps: Sequence[Step], wanted: str | int) -> int:
    """Index of the step with that key or position; of a step that repeats, the plan's name is its first."""
    text = str(wanted).strip()
    for index, step in enumerate(steps):
        if text in (step.key, str(step.position)) or step.key.startswith(f"{text}["):
            return index
    if text in [planned.get("name") for planned in task.plan.content.get("steps", [])]:
        message = f"the step {text} was not reached yet, so there is nothing to repeat: retry the task to go on to it"
        raise InvalidInput(
            "cannot replay task: this step was not reached yet", problems=[Problem(path="from_step", message=message)]
        )
    known = ", ".join(step.key for step in steps[:20]) or "none, so retry it"
    raise InvalidInput(
        "cannot replay task: it has no such step",
        problems=[Problem(path="from_step", message=f"there is no step {text}; its steps are {known}")],
    )


def _is_in_doubt(step: Step) -> bool:
    """Whether nobody knows what the step did, and repeating it could do it twice."""
    if step.state != StepState.STARTED and step.error_code not in CUT_SHORT:
        return False
    try:
        return find(step.tool).effect is Effect.ONCE
    except NotFound:
        return False  # the run says so itself


def _leave_open(step: Step) -> None:
    """Leave the step as a cut run does, so that the next one asks a person; who names a step has decided already."""
    step.state, step.finished_at, step.error_code, step.error_message = StepState.STARTED, None, None, None


def _supersede(session: Session, steps: Sequence[Step]) -> None:
    # One time for all of them: by it the page knows what one retry or replay left behind.
    at = now()
    for step in steps:
        step.superseded_at = at
        if step.state == StepState.STARTED:
            step.state, step.finished_at, step.error_code = StepState.FAILED, at, CUT_OFF
            step.error_message = "was cut off"
    session.flush()


def _restore(session: Session, task: Task, steps: Sequence[Step], at: int) -> None:
    """Let the next run start from what the step at `at` started from, and forget what later ones made."""
    workspace = session.scalars(select(Workspace).where(Workspace.task_id == task.id)).one_or_none()
    if workspace is None:
        return
    snapshot = _started_from(steps, at, workspace.snapshot)
    _keep_artifacts(session, task, steps[:at], [step.id for step in steps[at:]], snapshot)
    started = update(Workspace).where(Workspace.id == workspace.id).values(snapshot=snapshot)
    session.execute(started.execution_options(synchronize_session=False))


def _started_from(steps: Sequence[Step], at: int, latest: str | None) -> str | None:
    """The snapshot that the step at `at` started from; None: the inputs, copied in anew.

    A step that was skipped or changes nothing has none: then what an earlier one left holds, else what a later one
    started from, as long as none between has changed anything.
    """
    if steps[at].snapshot_before:
        return steps[at].snapshot_before
    for step in reversed(steps[:at]):
        if found := step.snapshot or step.snapshot_before:
            return found
    for step in steps[at:]:
        if step.snapshot_before or step.snapshot:
            return step.snapshot_before
    return latest


def _keep_artifacts(session: Session, task: Task, kept: Sequence[Step], again: list[str], snapshot: str | None) -> None:
    """Artifacts of steps that are done again go, unless an earlier step had made the file before."""
    makers: dict[str, str] = {}
    for step in kept:
        for path in step.changes.get("removed", []):
            makers.pop(path, None)
        for path in (*step.changes.get("added", []), *step.changes.get("changed", [])):
            makers[path] = step.id
    artifacts = session.scalars(select(Artifact).where(Artifact.task_id == task.id, Artifact.step_id.in_(again))).all()
    earlier = [each for each in artifacts if each.path in makers]
    sizes = folders.history_at(task.id).sizes(snapshot) if earlier and snapshot else {}
    for each in earlier:
        each.step_id, each.size_bytes = makers[each.path], sizes.get(each.path, each.size_bytes)
    gone = [each.id for each in artifacts if each.path not in makers]
    session.execute(delete(Artifact).where(Artifact.id.in_(gone)).execution_options(synchronize_session=False))
    session.flush()
