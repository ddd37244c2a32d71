"""A task's files: list them, fetch one, fetch all.

They are whatever an agent's program wrote, so a browser may only save them, never show them as a page of ours.
"""

import mimetypes
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import BinaryIO

from flask import Response
from flask_openapi import APIBlueprint, Tag

from models.errors import NotFound, OpsCoreError
from models.task import Task
from tasks.folders import workspace_of
from tasks.logs import logger
from tools.workspace import Entry, Workspace
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.shapes import FilePath, Files, FileShape, TaskPath
from webapp.api.tasks import find

CHUNK_BYTES = 256 * 1024
MOST_LISTED = 10_000
POLICY = "sandbox; default-src 'none'"
ANY_FILE = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
A_ZIP = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}

log = logger(__name__)
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
    answer = Response(_chunks(workspace.open_for_read(path.path), size), mimetype=_media_type(path.path))
    answer.content_length = size
    return _only_to_save(answer, path.path.rsplit("/", 1)[-1])


@part.get(
    "/<id>/files.zip",
    operation_id="getFiles",
    responses={**answers(404), "200": {"description": "All files", "content": A_ZIP}},
)
def get_files(path: TaskPath) -> Response:
    """Fetch all files of a task as a ZIP archive, made while it is sent."""
    task = find(path.id, "file:read")
    workspace = workspace_of(task)
    return _only_to_save(Response(_zipped(workspace), mimetype="application/zip"), f"task-{task.id}.zip")


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


def _chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The first `size` bytes: as long as was announced, also when a running step still writes."""
    with file:
        while size > 0 and (chunk := file.read(min(size, CHUNK_BYTES))):
            size -= len(chunk)
            yield chunk


def _media_type(path: str) -> str:
    return mimetypes.guess_type(path, strict=False)[0] or "application/octet-stream"


def _only_to_save(answer: Response, name: str) -> Response:
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Cache-Control"] = "no-store"
    return answer


class _Pipe:
    """What zipfile writes to: gives up what was written since the last time."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it."""

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def _zipped(workspace: Workspace) -> Iterator[bytes]:
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for entry in workspace.walk():
            if entry.kind != "file":
                continue
            try:
                file = workspace.open_for_read(entry.path)
            except OpsCoreError as error:
                # A running step may have removed it meanwhile; the others are still wanted.
                log.info("zip.left_out", path=entry.path, error=str(error))
                continue
            yield from _packed(archive, pipe, entry, file)
    yield pipe.take()


def _packed(archive: zipfile.ZipFile, pipe: _Pipe, entry: Entry, file: BinaryIO) -> Iterator[bytes]:
    about = zipfile.ZipInfo(entry.path, _zip_time(entry.modified_at))
    about.compress_type = zipfile.ZIP_DEFLATED
    about.external_attr = 0o644 << 16
    with file, archive.open(about, "w", force_zip64=True) as member:
        while chunk := file.read(CHUNK_BYTES):
            member.write(chunk)
            yield pipe.take()


def _zip_time(seconds: float) -> tuple[int, int, int, int, int, int]:
    # The format begins in 1980.
    at = max(datetime.fromtimestamp(seconds, UTC), datetime(1980, 1, 1, tzinfo=UTC))
    return at.year, at.month, at.day, at.hour, at.minute, at.second
