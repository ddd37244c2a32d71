"""Schedules: make, list, change, pause, resume, run and delete them; look at their times."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Response, url_for
from flask_openapi import APIBlueprint, Tag
from sqlalchemy import select

from models import schedule_list
from models.database import db
from models.errors import NotFound
from models.schedule import Schedule
from models.schedule_list import Fired, Listed
from tasks.scheduling import recurrence, schedules
from tasks.scheduling.recurrence import Recurrence
from tasks.scheduling.schedules import Wanted
from webapp.api.gate import require
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.schedule_shapes import (
    FiringQuery,
    Firings,
    FiringShape,
    NewSchedule,
    NothingMore,
    RulePreview,
    ScheduleChange,
    ScheduleDetail,
    SchedulePath,
    ScheduleQuery,
    Schedules,
    ScheduleSummary,
    Times,
)
from webapp.api.shapes import TaskSummary
from webapp.api.tasks import order_of

part = APIBlueprint(
    "schedules_api", __name__, url_prefix="/v1/schedules", abp_tags=[Tag(name="Schedules")], abp_security=SIGNED_IN
)


@part.post("", operation_id="createSchedule", responses=answers(400, 413, 415, _201=ScheduleDetail))
def create_schedule(body: NewSchedule) -> Response:
    """Make a schedule; its first time is the next one of its rule."""
    require("schedule:change")
    told = {name: value for name, value in body if name != "order"}
    made = schedules.create(Wanted(**told, order=order_of(body.order)))
    answer = sent(_detail(made.id), 201)
    answer.headers["Location"] = url_for("schedules_api.show_schedule", id=made.id)
    return answer


@part.get("", operation_id="listSchedules", responses=answers(_200=Schedules))
def list_schedules(query: ScheduleQuery) -> Response:
    """List schedules by name, with what the last time of each came to."""
    require("schedule:read")
    found = schedule_list.listed(db.session(), query.cursor or "", query.limit + 1, query.name)
    shown = found[: query.limit]
    cursor = shown[-1].schedule.name if len(found) > query.limit else None
    return sent(Schedules(schedules=[ScheduleSummary(**_columns(each)) for each in shown], next_cursor=cursor))


@part.post("/preview", operation_id="previewSchedule", responses=answers(400, 413, 415, _200=Times))
def preview_schedule(body: RulePreview) -> Response:
    """Show the next five times that a rule would have; nothing is kept."""
    require("schedule:read")
    kept, times = schedules.preview(body.repeats, body.rule, body.time_zone)
    return sent(Times(rule=kept.rule, in_words=recurrence.in_words(kept), next_times=times))


@part.get("/<id>", operation_id="showSchedule", responses=answers(404, _200=ScheduleDetail))
def show_schedule(path: SchedulePath) -> Response:
    """Show one schedule and its next five times."""
    return sent(_detail(_allowed(path.id, "schedule:read").id))


@part.patch("/<id>", operation_id="changeSchedule", responses=answers(400, 404, 413, 415, _200=ScheduleDetail))
def change_schedule(path: SchedulePath, body: ScheduleChange) -> Response:
    """Change a schedule; a new rule counts from now."""
    before = schedules.described(_allowed(path.id, "schedule:change"))
    told: dict[str, Any] = {name: value for name, value in body if value is not None and name != "order"}
    if body.order is not None:
        told["order"] = order_of(body.order)
    schedules.change(str(path.id), replace(before, **told))
    return sent(_detail(str(path.id)))


@part.delete("/<id>", operation_id="deleteSchedule", responses=answers(404, _200=NothingMore))
def delete_schedule(path: SchedulePath) -> Response:
    """Delete a schedule and the record of its times; the tasks that it submitted stay."""
    schedules.remove(_allowed(path.id, "schedule:change").id)
    return sent(NothingMore())


@part.post("/<id>/pause", operation_id="pauseSchedule", responses=answers(400, 404, 409, 413, 415, _200=ScheduleDetail))
def pause_schedule(path: SchedulePath, body: NothingMore) -> Response:
    """Submit nothing until it is resumed."""
    schedules.pause(_allowed(path.id, "schedule:change").id)
    return sent(_detail(str(path.id)))


@part.post(
    "/<id>/resume", operation_id="resumeSchedule", responses=answers(400, 404, 409, 413, 415, _200=ScheduleDetail)
)
def resume_schedule(path: SchedulePath, body: NothingMore) -> Response:
    """Go on with the next time from now."""
    schedules.resume(_allowed(path.id, "schedule:change").id)
    return sent(_detail(str(path.id)))


@part.post("/<id>/run", operation_id="runSchedule", responses=answers(400, 404, 413, 415, _201=TaskSummary))
def run_schedule(path: SchedulePath, body: NothingMore) -> Response:
    """Submit its task at once, beside its own times."""
    require("task:submit")
    task = schedules.run_now(_allowed(path.id, "schedule:change").id)
    answer = sent(TaskSummary.model_validate(task), 201)
    answer.headers["Location"] = url_for("tasks_api.show_task", id=task.id)
    return answer


@part.get("/<id>/firings", operation_id="listFirings", responses=answers(404, _200=Firings))
def list_firings(path: SchedulePath, query: FiringQuery) -> Response:
    """List the times of a schedule that have come, newest first."""
    schedule = _allowed(path.id, "schedule:read")
    found = schedule_list.firings(db.session(), schedule.id, _aware(query), query.limit + 1)
    shown = found[: query.limit]
    cursor = shown[-1].firing.due_at if len(found) > query.limit else None
    return sent(Firings(firings=[_firing(each) for each in shown], next_cursor=cursor))


def _allowed(schedule_id: UUID, permission: str) -> Schedule:
    schedule = schedules.find(str(schedule_id))
    require(permission, schedule)
    return schedule


def _detail(schedule_id: str) -> ScheduleDetail:
    db.session.rollback()  # what was read before a change is old
    name = db.session.scalar(select(Schedule.name).where(Schedule.id == schedule_id))
    found = schedule_list.listed(db.session(), name=name) if name is not None else []
    if not found:
        raise NotFound("cannot find the schedule: there is none with this id", schedule=schedule_id)
    schedule = found[0].schedule
    return ScheduleDetail(**_columns(found[0]), order=schedule.order, next_times=schedules.next_times(schedule))


def _columns(listed: Listed) -> dict[str, Any]:
    schedule = listed.schedule
    made = {"state", "in_words", "last"}
    columns = {name: getattr(schedule, name) for name in ScheduleSummary.model_fields if name not in made}
    rule = Recurrence(schedule.repeats, schedule.rule, schedule.time_zone)
    columns |= {"state": schedules.state_of(schedule), "in_words": recurrence.in_words(rule)}
    return {**columns, "last": _firing(listed.last) if listed.last else None}


def _firing(fired: Fired) -> FiringShape:
    columns = {name: getattr(fired.firing, name) for name in FiringShape.model_fields if name != "task_state"}
    return FiringShape(**columns, task_state=fired.task_state)


def _aware(query: FiringQuery) -> datetime | None:
    """The cursor; a time without a zone, which our own answers never are, is one of UTC."""
    cursor = query.cursor
    return cursor.replace(tzinfo=UTC) if cursor is not None and cursor.tzinfo is None else cursor
