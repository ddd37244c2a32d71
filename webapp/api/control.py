"""What may be done with tasks that there are: one by its id, or all that pass a filter."""

from typing import Any
from uuid import UUID

from flask import Response, url_for
from flask_openapi import APIBlueprint, Tag

from models.task_list import Filters
from tasks.control import bulk, questions
from tasks.control import one_task as control
from tasks.orders import cloning
from webapp.api.control_shapes import BulkProgress, NewAnswer, NewBulk, NewClone, NewPause, NewReplay, Nothing
from webapp.api.gate import require
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.shapes import KeyHeader, TaskDetail, TaskPath, TaskSummary
from webapp.api.tasks import detail, find

part = APIBlueprint(
    "control_api", __name__, url_prefix="/v1/tasks", abp_tags=[Tag(name="Control")], abp_security=SIGNED_IN
)
CHANGED = answers(400, 404, 409, 413, 415, _200=TaskDetail)
# For these null is a value: any agent, the plan's own complexity.
NULLABLE = frozenset({"agent", "complexity"})


@part.post("/<id>/cancel", operation_id="cancelTask", responses=CHANGED)
def cancel_task(path: TaskPath, body: Nothing) -> Response:
    """Cancel a task: at once, or as soon as every process of its tool has ended.

    While a run has it, the answer shows the wish; `task.cancelled` on its timeline confirms. May be repeated.
    """
    return sent(detail(control.cancel(_allowed(path.id))))


@part.post("/<id>/pause", operation_id="pauseTask", responses=CHANGED)
def pause_task(path: TaskPath, body: NewPause) -> Response:
    """Pause a task: at once, or after the step that runs. May be repeated."""
    return sent(detail(control.pause(_allowed(path.id), now=body.now)))


@part.post("/<id>/resume", operation_id="resumeTask", responses=CHANGED)
def resume_task(path: TaskPath, body: Nothing) -> Response:
    """Give a paused task back to its queue, or take back the wish that a running one be paused."""
    return sent(detail(control.resume(_allowed(path.id))))


@part.post("/<id>/retry", operation_id="retryTask", responses=CHANGED)
def retry_task(path: TaskPath, header: KeyHeader, body: Nothing) -> Response:
    """Open a failed or cancelled task again at its first step that did not succeed.

    May be repeated with the same `Idempotency-Key`; without one a second call answers 409.
    """
    return sent(detail(control.retry(_allowed(path.id), header.idempotency_key)))


@part.post("/<id>/replay", operation_id="replayTask", responses=CHANGED)
def replay_task(path: TaskPath, header: KeyHeader, body: NewReplay) -> Response:
    """Open an ended task again at a step; that step and all after it are repeated.

    May be repeated with the same `Idempotency-Key`; without one a second call answers 409.
    """
    return sent(detail(control.replay(_allowed(path.id), body.from_step, header.idempotency_key)))


@part.post(
    "/<id>/clone",
    operation_id="cloneTask",
    responses=answers(400, 404, 409, 413, 415, _201=TaskDetail, _200=TaskDetail),
)
def clone_task(path: TaskPath, header: KeyHeader, body: NewClone) -> Response:
    """Submit a task with the same plan, and other inputs where you name some.

    Answers 201 with the new task. Repeated with the same `Idempotency-Key`, it answers 200 with the first call's.
    """
    require("task:submit")
    original = find(path.id, "task:read")
    changes: dict[str, Any] = {
        name: value for name, value in body if name in body.model_fields_set and (value is not None or name in NULLABLE)
    }
    made = cloning.clone(original.id, **changes, idempotency_key=header.idempotency_key)
    answer = sent(detail(made.task), 201 if made.is_new else 200)
    answer.headers["Location"] = url_for("tasks_api.show_task", id=made.task.id)
    return answer


@part.post("/<id>/answer", operation_id="answerTask", responses=CHANGED)
def answer_task(path: TaskPath, header: KeyHeader, body: NewAnswer) -> Response:
    """Answer what a waiting task asks.

    May be repeated with the same `Idempotency-Key`; without one a second call answers 409.
    """
    step = str(body.step) if body.step else None
    return sent(detail(questions.answer(_allowed(path.id), body.choice, step, header.idempotency_key)))


@part.post("/<id>/dismiss", operation_id="dismissTask", responses=CHANGED)
def dismiss_task(path: TaskPath, body: Nothing) -> Response:
    """Take a failed task out of the dead letters: somebody has dealt with it. May be repeated."""
    return sent(detail(control.dismiss(_allowed(path.id))))


@part.post("/<id>/restore", operation_id="restoreTask", responses=CHANGED)
def restore_task(path: TaskPath, body: Nothing) -> Response:
    """Undo a dismissal: the failed task is a dead letter again. May be repeated."""
    return sent(detail(control.restore(_allowed(path.id))))


@part.post("/bulk", operation_id="controlTasks", responses=answers(400, 413, 415, _200=BulkProgress))
def control_tasks(body: NewBulk) -> Response:
    """Do one thing to all tasks that pass a filter, newest first, so many a call.

    With `dry_run` first, to see how many; then again with `next_cursor` until it is null. A call that was broken
    off has done what it did; repeated, it goes on.
    """
    require("task:control")
    filters = Filters(**dict(body.filter))
    if body.dry_run:
        found = bulk.preview(body.action, filters)
        examples = [TaskSummary.model_validate(task) for task in found.examples]
        return sent(BulkProgress(done=0, refused=0, left=found.count, next_cursor=None, examples=examples))
    came = bulk.perform(body.action, filters, body.limit, str(body.cursor) if body.cursor else None)
    cursor = UUID(came.cursor) if came.cursor else None
    told = {"done": came.done, "refused": came.refused, "reasons": came.reasons, "left": came.left}
    return sent(BulkProgress(**told, next_cursor=cursor, examples=[]))


def _allowed(task_id: UUID) -> str:
    return find(task_id, "task:control").id
