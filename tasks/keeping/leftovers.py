"""What a killed process leaves in the data folder and nobody would delete: folders without a row, unfinished files.

No row names a run's folder while it is prepared, nor the folder before it once there is a new one.  Whoever makes
or removes such a folder leaves a note beside it first; a note whose process is dead tells the reconciler what to
delete.  A missing row alone would not do: with another database every folder would seem to be nobody's.
"""

import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import select

import settings
from models.database import reading
from models.errors import Conflict, NotFound, OpsCoreError
from models.task import Task
from models.workspace import Workspace as WorkspaceRow
from tasks.family import handed
from tasks.folders import drafts_of_histories, workspaces_root
from tasks.logs import logger
from tasks.orders import uploads
from tasks.processes import is_alive
from tools.waiting import Wait
from tools.workspace import Workspace

LONGEST_WORK = timedelta(hours=6)
"""No folder is prepared and no file written for so long: what is older is nobody's, whoever made it."""
AT_ONCE = 5
"""Folders that one round deletes: a large one takes seconds."""
DRAFTS_AT_ONCE = 1000

HANDED = "handed-"
"""How the notes of files begin that are handed over to a task."""
log = logger(__name__)


@contextmanager
def replacing(before: str | None, name: str) -> Iterator[None]:
    """Answer for the new workspace `name` until a row names it, within; then delete the one that was there before."""
    notes = [_note(each) for each in (name, before) if each is not None]
    try:
        yield
    except BaseException:
        if not _is_there(name):
            notes[0].unlink()
        raise
    notes[0].unlink()
    if before is not None and _settle(before):
        notes[1].unlink()


@contextmanager
def handing(task_ids: Sequence[str]) -> Iterator[None]:
    """Answer for the files that are handed over to these tasks until their rows stand, within."""
    notes = [_note(f"{HANDED}{each}") for each in task_ids]
    try:
        yield
    except (OpsCoreError, Wait):
        # Anything else may have come after the commit, or from a database that is away: the sweep looks then.
        for note in filter(lambda note: _settle(note.name), notes):
            note.unlink(missing_ok=True)
        raise
    for note in notes:
        note.unlink(missing_ok=True)


def sweep() -> int:
    """Delete what dead processes left, a bounded number of things; returns how many.  Runs within `scope.wide(…)`."""
    drafts = uploads.drafts_folder(settings.load()), drafts_of_histories()
    return _sweep_folders() + sum(_sweep_drafts(folder) for folder in drafts)


def _notes() -> Path:
    return settings.load().data_dir / "run" / "unnamed"


def _note(name: str) -> Path:
    about = {"host": socket.gethostname(), "pid": os.getpid(), "started_at": psutil.Process().create_time()}
    note = _notes() / name
    note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Not synced: after a power cut at worst a folder stays.
    note.write_text(json.dumps(about), encoding="ascii")
    return note


def _sweep_folders() -> int:
    swept = 0
    for note in islice(filter(_is_abandoned, _entries(_notes())), AT_ONCE):
        if _settle(note.name):
            Path(note.path).unlink(missing_ok=True)
            swept += 1
    return swept


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return


def _is_abandoned(note: "os.DirEntry[str]") -> bool:
    try:
        about: dict[str, Any] = json.loads(Path(note.path).read_bytes())
    except FileNotFoundError:
        return False
    except ValueError:
        return _is_old(note)  # being written
    if about["host"] == socket.gethostname() and not is_alive(about["pid"], about["started_at"]):
        return True
    return _is_old(note)


def _is_old(entry: "os.DirEntry[str]") -> bool:
    try:
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > LONGEST_WORK.total_seconds()
    except FileNotFoundError:
        return False


def _is_there(folder: str) -> bool:
    try:
        Workspace.open(workspaces_root(), folder)
    except NotFound:
        return False
    return True


def _settle(folder: str) -> bool:
    """Delete the workspace if no row names it; False when it could not be deleted now."""
    if folder.startswith(HANDED):
        return _settle_handed(folder.removeprefix(HANDED))
    with reading() as session:
        if session.scalar(select(WorkspaceRow.id).where(WorkspaceRow.folder == folder)) is not None:
            return True
    try:
        Workspace.open(workspaces_root(), folder).remove()
    except NotFound:
        return True
    except (Conflict, OSError) as error:
        log.warning("folder.not_swept", folder=folder, error=str(error))
        return False
    log.info("folder.swept", folder=folder)
    return True


def _settle_handed(task_id: str) -> bool:
    """The same of files that were handed over to a task which has no row."""
    with reading() as session:
        if session.scalar(select(Task.number).where(Task.id == task_id)) is None:
            handed.remove(task_id)
            log.info("handed.swept", task=task_id)
    return True


def _sweep_drafts(folder: Path) -> int:
    swept = 0
    for entry in islice(_entries(folder), DRAFTS_AT_ONCE):
        if _is_old(entry):
            Path(entry.path).unlink(missing_ok=True)
            swept += 1
    return swept
