"""A task's files: list them, fetch one, fetch all.

They are whatever an agent's program wrote, so a browser may only save them, never show them as a page of ours.
"""

from datetime import UTC, datetime

from flask import Response, current_app
from flask_openapi import APIBlueprint, Tag

from models.errors import NotFound
from tasks.folders import workspace_of
from tools.entries import Entry, Page
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.shapes import FilePath, Files, FileShape, FilesQuery, TaskPath
from webapp.api.tasks import find
from webapp.downloads import download, only_to_save
from webapp.zip_stream import zipped

ANY_FILE = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
A_ZIP = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}

part = APIBlueprint("files_api", __name__, url_prefix="/v1/tasks", abp_tags=[Tag(name="Files")], abp_security=SIGNED_IN)


@part.get("/<id>/files", operation_id="listFiles", responses=answers(404, _200=Files))
def list_files(path: TaskPath, query: FilesQuery) -> Response:
    """List the files of a task, by path, a page at a time; none before a worker prepared its workspace."""
    task = find(path.id, "file:read")
    try:
        workspace = workspace_of(task)
    except NotFound:
        found = Page([], None)
    else:
        found = workspace.page(query.folder, query.limit, after=query.cursor, is_deep=True, skip="folder")
    files = [_shape(entry) for entry in found.entries]
    return sent(Files(files=files, is_complete=found.next is None, next_cursor=found.next))


@part.get(
    "/<id>/files/<path:path>",
    operation_id="getFile",
    responses={**answers(404), "200": {"description": "The file's bytes", "content": ANY_FILE}},
)
def get_file(path: FilePath) -> Response:
    """Fetch one file."""
    task = find(path.id, "file:read")
    return download(workspace_of(task), path.path)


@part.get(
    "/<id>/files.zip",
    operation_id="getFiles",
    responses={**answers(404), "200": {"description": "All files", "content": A_ZIP}},
)
def get_files(path: TaskPath) -> Response:
    """Fetch all files of a task as a ZIP archive, made while it is sent."""
    task = find(path.id, "file:read")
    most_bytes = current_app.config["OPSCORE"].step_workspace_bytes
    parts = zipped(workspace_of(task), most_bytes)
    return only_to_save(Response(parts, mimetype="application/zip"), f"task-{task.id}.zip")


def _shape(entry: Entry) -> FileShape:
    return FileShape(
        path=entry.path,
        kind=entry.kind,
        size_bytes=entry.size,
        modified_at=datetime.fromtimestamp(entry.modified_at, UTC),
    )
