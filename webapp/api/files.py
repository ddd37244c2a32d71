"""A task's files: list them, fetch one, fetch all.

They are whatever an agent's program wrote, so a browser may only save them, never show them as a page of ours.
"""

import mimetypes
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from flask import Response
from flask_openapi import APIBlueprint, Tag

from models.errors import NotFound
from models.task import Task
from tasks.folders import workspace_of
from tools.workspace import Entry
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.shapes import FilePath, Files, FileShape, TaskPath
from webapp.api.tasks import find
from webapp.downloads import chunks, only_to_save, zipped

MOST_LISTED = 10_000
ANY_FILE = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
A_ZIP = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}

part = APIBlueprint("files_api", __name__, url_prefix="/v1/tasks", abp_tags=[Tag(name="Files")], abp_security=SIGNED_IN)


@part.get("/<id>/files", operation_id="listFiles", responses=answers(404, _200=Files))
def list_files(path: TaskPath) -> Response:
    """List the files of a task; none before a worker prepared its workspace."""
    task = find(path.id, "file:read")
    found = list(islice(_entries(task), MOST_LISTED + 1))
    files = [_shape(entry) for entry in found[:MOST_LISTED]]
    return sent(Files(files=files, is_complete=len(found) <= MOST_LISTED))


@part.get(
    "/<id>/files/<path:path>",
    operation_id="getFile",
    responses={**answers(404), "200": {"description": "The file's bytes", "content": ANY_FILE}},
)
def get_file(path: FilePath) -> Response:
    """Fetch one file."""
    task = find(path.id, "file:read")
    workspace = workspace_of(task)
    size = workspace.entry(path.path).size
    answer = Response(chunks(workspace.open_for_read(path.path), size), mimetype=_media_type(path.path))
    answer.content_length = size
    return only_to_save(answer, path.path.rsplit("/", 1)[-1])


@part.get(
    "/<id>/files.zip",
    operation_id="getFiles",
    responses={**answers(404), "200": {"description": "All files", "content": A_ZIP}},
)
def get_files(path: TaskPath) -> Response:
    """Fetch all files of a task as a ZIP archive, made while it is sent."""
    task = find(path.id, "file:read")
    workspace = workspace_of(task)
    return only_to_save(Response(zipped(workspace), mimetype="application/zip"), f"task-{task.id}.zip")


def _entries(task: Task) -> Iterator[Entry]:
    try:
        workspace = workspace_of(task)
    except NotFound:
        return
    yield from (entry for entry in workspace.walk() if entry.kind != "folder")


def _shape(entry: Entry) -> FileShape:
    return FileShape(
        path=entry.path,
        kind=entry.kind,
        size_bytes=entry.size,
        modified_at=datetime.fromtimestamp(entry.modified_at, UTC),
    )


def _media_type(path: str) -> str:
    return mimetypes.guess_type(path, strict=False)[0] or "application/octet-stream"
