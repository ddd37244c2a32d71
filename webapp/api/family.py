"""Families: the tasks that came from one, and their channel.  Who is in one: tasks/family."""

from flask import Response
from flask_openapi import APIBlueprint, Tag

from models.database import db
from models.money import MICRO
from tasks.family import channel
from tasks.family.progress import Progress, progress
from tasks.family.tree import family_of, members
from webapp.api.family_shapes import (
    FamilyShape,
    MemberShape,
    MessageQuery,
    Messages,
    MessageShape,
    NewMessage,
    ProgressShape,
)
from webapp.api.gate import require
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.shapes import KeyHeader, TaskPath
from webapp.api.tasks import find

part = APIBlueprint(
    "family_api", __name__, url_prefix="/v1/tasks", abp_tags=[Tag(name="Families")], abp_security=SIGNED_IN
)


@part.get("/<id>/family", operation_id="showFamily", responses=answers(404, _200=FamilyShape))
def show_family(path: TaskPath) -> Response:
    """Show all tasks that came from one, named by any of them, and how they stand together."""
    first = family_of(find(path.id, "task:read"))
    found = members(db.session(), first)
    standing = _standing(progress(db.session(), found))
    return sent(FamilyShape(id=first, progress=standing, tasks=[MemberShape.model_validate(each) for each in found]))


@part.get("/<id>/messages", operation_id="listMessages", responses=answers(404, _200=Messages))
def list_messages(path: TaskPath, query: MessageQuery) -> Response:
    """List what agents and people wrote to the channel of the task's family, in order."""
    require("task:read")
    found = channel.messages(find(path.id, "task:read").id, query.since, query.limit, newest=query.newest)
    return sent(Messages(messages=[MessageShape.model_validate(each) for each in found]))


@part.post("/<id>/messages", operation_id="writeMessage", responses=answers(400, 404, 413, 415, _201=MessageShape))
def write_message(path: TaskPath, header: KeyHeader, body: NewMessage) -> Response:
    """Write to the channel of the task's family: its agents may read it, and the page shows it.

    Repeated with the same `Idempotency-Key`, nothing is written a second time.
    """
    task = find(path.id, "task:control")
    said = channel.say(task.id, body.text, header.idempotency_key)
    return sent(MessageShape.model_validate(said), 201)


def _standing(found: Progress) -> ProgressShape:
    return ProgressShape(**{**vars(found), "cost": found.cost / MICRO})
