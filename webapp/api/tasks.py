"""Tasks: submit, list, look at one and at its steps."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response, url_for
from flask_openapi import APIBlueprint, Tag
from sqlalchemy import select

from models.database import db
from models.errors import NotFound
from models.money import MICRO
from models.step import Step
from models.task import Task
from models.task_list import Filters, page
from tasks.orders.submission import Order, submit
from tasks.queueing.reasons import why_queued
from tools.limits import kept
from webapp.api.gate import require
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.shapes import (
    KeyHeader,
    LimitShape,
    NewTask,
    Steps,
    StepShape,
    TaskDetail,
    TaskPage,
    TaskPath,
    TaskQuery,
    TaskSummary,
    Thinking,
)

part = APIBlueprint("tasks_api", __name__, url_prefix="/v1/tasks", abp_tags=[Tag(name="Tasks")], abp_security=SIGNED_IN)


@part.post("", operation_id="submitTask", responses=answers(400, 409, 413, 415, _201=TaskDetail, _200=TaskDetail))
def submit_task(header: KeyHeader, body: NewTask) -> Response:
    """Submit a task.

    Answers 201 with the task's address in `Location`. Repeated with the same `Idempotency-Key`, it answers 200
    with the first call's task.
    """
    require("task:submit")
    submitted = submit(order_of(body, idempotency_key=header.idempotency_key))
    answer = sent(detail(submitted.task), 201 if submitted.is_new else 200)
    answer.headers["Location"] = url_for("tasks_api.show_task", id=submitted.task.id)
    return answer


@part.get("", operation_id="listTasks", responses=answers(_200=TaskPage))
def list_tasks(query: TaskQuery) -> Response:
    """List tasks, newest first."""
    require("task:read")
    family = str(query.family) if query.family else None
    filters = Filters(query.state, query.agent, query.complexity, query.q, family, query.dead_letters)
    found = page(db.session, filters, str(query.cursor) if query.cursor else None, query.limit)  # type: ignore[arg-type]
    tasks = [TaskSummary.model_validate(task) for task in found.tasks]
    return sent(TaskPage(tasks=tasks, next_cursor=UUID(found.next_cursor) if found.next_cursor else None))


@part.get("/<id>", operation_id="showTask", responses=answers(404, _200=TaskDetail))
def show_task(path: TaskPath) -> Response:
    """Show one task."""
    return sent(detail(find(path.id, "task:read")))


@part.get("/<id>/steps", operation_id="listSteps", responses=answers(404, _200=Steps))
def list_steps(path: TaskPath) -> Response:
    """List the steps of a task, as they were begun."""
    task = find(path.id, "task:read")
    of_task = select(Step).where(Step.task_id == task.id).order_by(Step.epoch, Step.position, Step.started_at)
    steps = [_step(step) for step in db.session.scalars(of_task)]
    return sent(Steps(steps=steps))


def find(task_id: UUID, permission: str) -> Task:
    """The task, when the asker may do this to it.

    Raises:
        NotFound: there is none.
        Forbidden: not to this one.
    """
    task = db.session.scalars(select(Task).where(Task.id == str(task_id))).one_or_none()
    if task is None:
        raise NotFound("cannot find the task: there is none with this id", task_id=str(task_id))
    require(permission, task)
    return task


def order_of(shape: Thinking, **more: Any) -> Order:
    """What was asked for, as an order."""
    told = shape.model_dump()
    told["playbook"] = playbook_text(told["playbook"])
    told["budget"] = {name: value for name, value in told["budget"].items() if value is not None}
    return Order(**told, **more)


def playbook_text(playbook: str | dict[str, Any] | None) -> str | None:
    """The playbook as text: an object is a JSON text that was read already."""
    return json.dumps(playbook, indent=1) if isinstance(playbook, dict) else playbook


def _step(step: Step) -> StepShape:
    limits = {
        each.kind.name: LimitShape(value=each.value, shown=each.shown, set_by=list(each.set_by))
        for each in kept(step.limits)
    }
    columns = {name: getattr(step, name) for name in StepShape.model_fields if name != "limits"}
    return StepShape(**columns | {"usage": _usage(step.usage or {})}, limits=limits)


def _usage(used: Mapping[str, Any]) -> dict[str, Any]:
    """Money in dollars, as everywhere in the API."""
    cost = used.get("cost")
    return {**used} if cost is None else {**used, "cost": cost / MICRO}


def detail(task: Task) -> TaskDetail:
    """The task with all that it was given."""
    columns = {name: getattr(task, name) for name in TaskDetail.model_fields if name != "why_queued"}
    return TaskDetail(**columns, why_queued=why_queued(task))
