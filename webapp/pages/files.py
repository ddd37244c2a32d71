"""A task's files: the list, a preview, the whole page of a report, downloads.

What an agent wrote is never trusted with this origin.  Downloads are attachments; what a browser would run is
shown only in a frame without an origin of its own right (`sandbox`, by attribute and by policy), without any
connection to the outside.
"""

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from models.database import db
from models.errors import NotFound
from models.task import Task
from tasks.folders import workspace_of
from tools.workspace import Entry, Workspace
from webapp import preview
from webapp.downloads import chunks, only_to_save, zipped
from webapp.glance import artifacts_of
from webapp.pages.task import head_of, the_task

page = Blueprint("files", __name__)

MOST_LISTED = 2000
FRAME_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; media-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
PICTURE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"


@page.get("/tasks/<task_id>/files")
def show(task_id: str) -> ResponseReturnValue:
    """The Files tab, with the preview of `path`, or of the best result when none is named."""
    task = the_task(task_id)
    workspace, entries = _listed(task)
    path = request.args.get("path") or _best(task, entries)
    chosen = next((entry for entry in entries if entry.path == path), None)
    is_text = workspace is not None and chosen is not None and chosen.kind == "file"
    return render_template(
        "pages/task_files.html",
        tab="files",
        folders=_by_folder(entries),
        is_cut=len(entries) >= MOST_LISTED,
        chosen=chosen,
        seen_file=preview.of(workspace, chosen.path) if is_text and workspace and chosen else None,
        **head_of(task),
    )


@page.get("/tasks/<task_id>/view/<path:path>")
def view(task_id: str, path: str) -> ResponseReturnValue:
    """One file as a page of its own: for reports, and for reading on."""
    task = the_task(task_id)
    workspace = workspace_of(task)
    entry = workspace.entry(path)
    return render_template(
        "pages/file_view.html",
        task=task,
        path=path,
        entry=entry,
        seen_file=preview.of(workspace, path),
    )


@page.get("/tasks/<task_id>/raw/<path:path>")
def raw(task_id: str, path: str) -> ResponseReturnValue:
    """The bytes of a page or picture, for the frame and the picture of a preview and nothing else."""
    task = the_task(task_id)
    kind = preview.kind_by_name(path)
    if kind not in ("page", "picture"):
        raise NotFound("cannot show this file: only pages and pictures are shown", path=path)
    # Opened by itself it would be a top-level page: it is shown inside ours.
    if request.headers.get("Sec-Fetch-Dest", "document") == "document":
        return redirect(url_for("files.view", task_id=task.id, path=path))
    response = _sent(workspace_of(task), path, preview.media_type(path))
    response.headers["Content-Security-Policy"] = FRAME_POLICY if kind == "page" else PICTURE_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


@page.get("/tasks/<task_id>/download/<path:path>")
def download(task_id: str, path: str) -> ResponseReturnValue:
    """The file, to keep."""
    task = the_task(task_id)
    return only_to_save(_sent(workspace_of(task), path, "application/octet-stream"), path.rpartition("/")[2])


@page.get("/tasks/<task_id>/files.zip")
def download_all(task_id: str) -> ResponseReturnValue:
    """Every file of the workspace in one archive."""
    task = the_task(task_id)
    return only_to_save(Response(zipped(workspace_of(task)), mimetype="application/zip"), f"task-{task.id}.zip")


def _sent(workspace: Workspace, path: str, media_type: str) -> Response:
    size = workspace.entry(path).size
    response = Response(chunks(workspace.open_for_read(path), size), mimetype=media_type)
    response.content_length = size
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _listed(task: Task) -> tuple[Workspace | None, list[Entry]]:
    """The workspace, if there is one by now, and what is in it."""
    try:
        workspace = workspace_of(task)
    except NotFound:
        return None, []
    return workspace, [entry for entry in workspace.walk(limit=MOST_LISTED) if entry.kind != "folder"]


def _by_folder(entries: list[Entry]) -> list[tuple[str, list[Entry]]]:
    """The files below their folders; results first, what was given last."""
    folders: dict[str, list[Entry]] = {}
    for entry in entries:
        folders.setdefault(entry.path.rpartition("/")[0], []).append(entry)
    order = ("output", "", "research", "src")

    def rank(folder: str) -> tuple[int, str]:
        top = folder.partition("/")[0]
        return (order.index(top) if top in order else len(order)), folder

    return [(folder, folders[folder]) for folder in sorted(folders, key=rank)]


def _best(task: Task, entries: list[Entry]) -> str | None:
    """The file to show first: an artifact that opens well, or the README."""
    there = {entry.path for entry in entries}
    wanted = [*(artifact.path for artifact in artifacts_of(db.session(), task)), "README.md"]
    return next((path for path in wanted if path in there), None)
