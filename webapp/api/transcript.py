"""A task's transcript.  What is in it: webapp/transcript/."""

from typing import Literal

from flask import Response
from flask_openapi import APIBlueprint, Tag
from pydantic import Field

from webapp.api.gate import require
from webapp.api.reference import SIGNED_IN, answers
from webapp.api.shapes import Question, TaskPath
from webapp.api.tasks import find
from webapp.transcript import exported


class TranscriptQuery(Question):
    format: Literal["html", "md"] = Field("md", description="A page that needs nothing beside it, or Markdown.")


A_TEXT = {kind: {"schema": {"type": "string"}} for kind in ("text/markdown", "text/html")}

part = APIBlueprint(
    "transcript_api", __name__, url_prefix="/v1/tasks", abp_tags=[Tag(name="Tasks")], abp_security=SIGNED_IN
)


@part.get(
    "/<id>/transcript",
    operation_id="getTranscript",
    responses={**answers(404), "200": {"description": "The transcript", "content": A_TEXT}},
)
def get_transcript(path: TaskPath, query: TranscriptQuery) -> Response:
    """Fetch what a task did, whole: calls, decisions, costs, files; secrets masked."""
    task = find(path.id, "task:read")
    require("file:read", task)
    return exported(task, query.format)
