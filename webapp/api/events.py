"""A task's timeline: as JSON, or live as Server-Sent Events."""

from typing import Any

from flask import Response, request
from flask_openapi import APIBlueprint, Tag

from models.database import db
from models.event import events_after
from webapp import sse, stream
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.shapes import EventQuery, Events, EventShape, ResumeHeader, TaskPath
from webapp.api.tasks import find

part = APIBlueprint("events", __name__, url_prefix="/v1/tasks", abp_tags=[Tag(name="Events")], abp_security=SIGNED_IN)


@part.get("/<id>/events", operation_id="listEvents", responses=answers(404, _200=Events))
def list_events(path: TaskPath, query: EventQuery, header: ResumeHeader) -> Response:
    """Read a task's timeline, or follow it.

    With `Accept: text/event-stream`, or with `Last-Event-ID`, the answer is a stream of Server-Sent Events: each
    event's id is its number, its data the event as JSON. What a running step prints comes as messages of the type
    `output` without an id. The stream stays open; a client that comes back with the last id misses nothing.
    """
    task = find(path.id, "event:read")
    after = int(header.last_event_id) if header.last_event_id else query.after
    if header.last_event_id or _wants_stream():
        return sse.response(stream.timeline(task.id, after))
    events = events_after(db.session, task.id, after, query.limit)  # type: ignore[arg-type]
    last = events[-1].number if events else after
    shapes = [EventShape.model_validate(event) for event in events]
    return sent(Events(events=shapes, last_number=last))


def _wants_stream() -> bool:
    accepted: Any = request.accept_mimetypes
    return bool(accepted.best_match(["application/json", "text/event-stream"]) == "text/event-stream")
