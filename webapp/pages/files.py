"""A task's files: the list, a preview, the whole page of a report, downloads.

What an agent wrote is never trusted with this origin.  Downloads are attachments; what a browser would run is
shown only in a frame without an origin of its own right (`sandbox`, by attribute and by policy), without any
connection to the outside.
"""

from dataclasses import dataclass, field

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from models.database import db
from models.errors import InvalidInput, NotFound
from models.task import Task
from tasks.folders import workspace_of
from tasks.orders import media_types
from tools.entries import Entry
from tools.workspace import Workspace
from webapp import preview
from webapp.downloads import download, only_to_save, sent
from webapp.glance import artifacts_of
from webapp.pages.task import head_of, the_task
from webapp.zip_stream import zipped

page = Blueprint("files", __name__)

MOST_LISTED = 2000
MOST_OF_A_FOLDER = 200
"""More of it has pages of its own."""
A_PAGE = 500
FRAME_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; media-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
PICTURE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


@dataclass
class Folder:
    """A folder as it is listed; `is_cut` when there is more in it, `next` where its next page begins."""

    path: str
    entries: list[Entry] = field(default_factory=list)
    is_cut: bool = False
    next: str | None = None


@page.get("/tasks/<task_id>/files")
def show(task_id: str) -> ResponseReturnValue:
    """The Files tab, of one `folder` or all, with the preview of `path`, or of the best result when none is named."""
    task = the_task(task_id, "file:read")
    workspace = _workspace(task)
    folders, is_cut = _listed(workspace) if workspace is not None else ([], False)
    chosen = _chosen(workspace, task) if workspace is not None else None
    is_file = workspace is not None and chosen is not None and chosen.kind == "file"
    return render_template(
        "pages/task_files.html",
        tab="files",
        folders=folders,
        only_folder=request.args.get("folder"),
        is_cut=is_cut,
        chosen=chosen,
        seen_file=preview.of(workspace, chosen.path) if is_file and workspace and chosen else None,
        **head_of(task),
    )


@page.get("/tasks/<task_id>/view/<path:path>")
def view(task_id: str, path: str) -> ResponseReturnValue:
    """One file as a page of its own: for reports, and for reading on."""
    task = the_task(task_id, "file:read")
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
    task = the_task(task_id, "file:read")
    kind = preview.kind_by_name(path)
    if kind not in ("page", "picture"):
        raise NotFound("cannot show this file: only pages and pictures are shown", path=path)
    # Opened by itself it would be a top-level page: it is shown inside ours.
    if request.headers.get("Sec-Fetch-Dest", "document") == "document":
        return redirect(url_for("files.view", task_id=task.id, path=path))
    file = workspace_of(task).open_for_read(path)
    media_type = preview.media_type(path)
    if kind == "picture":
        head = file.read(media_types.HEAD_BYTES)
        if not preview.is_picture(head):
            file.close()
            raise NotFound("cannot show this file: it is no picture, whatever its name says", path=path)
        media_type = media_types.by_content(head) or media_type
        file.seek(0)
    response = sent(file, media_type)
    # A picture needs no script, also where it is one that could hold some.
    is_page = kind == "page" and media_type != "image/svg+xml"
    response.headers["Content-Security-Policy"] = FRAME_POLICY if is_page else PICTURE_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


@page.get("/tasks/<task_id>/download/<path:path>")
def save(task_id: str, path: str) -> ResponseReturnValue:
    """The file, to keep."""
    return download(workspace_of(the_task(task_id, "file:read")), path)


@page.get("/tasks/<task_id>/files.zip")
def download_all(task_id: str) -> ResponseReturnValue:
    """Every file of the workspace in one archive."""
    task = the_task(task_id, "file:read")
    parts = zipped(workspace_of(task), current_app.config["OPSCORE"].step_workspace_bytes)
    return only_to_save(Response(parts, mimetype="application/zip"), f"task-{task.id}.zip")


def _workspace(task: Task) -> Workspace | None:
    """The workspace, if there is one by now."""
    try:
        return workspace_of(task)
    except NotFound:
        return None


def _listed(workspace: Workspace) -> tuple[list[Folder], bool]:
    """All folders with the first of their files; or a page of the one that was asked for, with its folders.

    And whether folders are missing because there are too many.
    """
    wanted = request.args.get("folder")
    if wanted is None:
        entries = list(workspace.outline(MOST_OF_A_FOLDER + 1, MOST_LISTED + 1))
        return _by_folder(entries[:MOST_LISTED]), len(entries) > MOST_LISTED
    found = workspace.page(wanted, A_PAGE, after=request.args.get("after"))
    return [Folder("" if wanted == "." else wanted.strip("/"), found.entries, next=found.next)], False


def _chosen(workspace: Workspace, task: Task) -> Entry | None:
    """What is to be shown beside the list, if it is there."""
    path = request.args.get("path") or _best(task, workspace)
    try:
        found = workspace.entry(path)
    except (NotFound, InvalidInput):
        return None
    return None if found.kind == "folder" else found


def _by_folder(entries: list[Entry]) -> list[Folder]:
    """The files below their folders; results first, what was given last."""
    folders: dict[str, Folder] = {}
    for entry in entries:
        path = entry.path.rpartition("/")[0]
        folder = folders.setdefault(path, Folder(path))
        folder.entries.append(entry)
    for folder in folders.values():
        folder.is_cut = len(folder.entries) > MOST_OF_A_FOLDER
        folder.entries = [entry for entry in folder.entries[:MOST_OF_A_FOLDER] if entry.kind != "folder"]
    order = ("output", "", "research", "src")

    def rank(folder: Folder) -> tuple[int, str]:
        top = folder.path.partition("/")[0]
        return (order.index(top) if top in order else len(order)), folder.path

    return sorted((folder for folder in folders.values() if folder.entries or folder.is_cut), key=rank)


def _best(task: Task, workspace: Workspace) -> str:
    """The file to show first: an artifact that opens well, or the README."""
    for artifact in artifacts_of(db.session(), task):
        try:
            workspace.entry(artifact.path)
        except (NotFound, InvalidInput):
            continue
        return artifact.path
    return "README.md"
