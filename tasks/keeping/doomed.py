"""Files of tasks whose rows are deleted: a note is written before the rows go, and taken away after the files went.

A process that died in between leaves its note; whoever prunes next finishes it.  A note is acted upon only as far
as the rows are really gone, so that it does no harm when the transaction it was written for never stood.
"""

import json
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import select

import settings
from models import scope
from models.columns import new_id
from models.database import reading
from models.errors import Conflict, NotFound
from models.task import Task
from models.workspace import Upload
from tasks.family import handed, shared
from tasks.folders import history_at, workspaces_root
from tasks.logs import logger
from tasks.orders.inputs import upload_path
from tools.workspace import Workspace

AT_ONCE = 20
AUTHOR = "system:retention"
log = logger(__name__)


@dataclass(frozen=True)
class Doomed:
    """Tasks, each with the folder of its workspace if it has one, and uploads."""

    tasks: dict[str, str | None]
    uploads: list[str]


@contextmanager
def noted(what: Doomed) -> Iterator[None]:
    """Within, the rows go; then their files do."""
    note = _write(what)
    yield
    _finish(note, what)


def finish() -> None:
    """Delete the files of notes that a dead process left, a bounded number."""
    entries = list(_entries())
    # At random: notes that can never be finished must not keep the others from their turn.
    for entry in random.sample(entries, min(AT_ONCE, len(entries))):
        try:
            about = json.loads(entry.read_bytes())
        except FileNotFoundError:
            continue  # another was there first
        except ValueError as error:
            # Left for a person: what it was about nobody knows.
            log.warning("note.unreadable", note=str(entry), error=str(error))
            continue
        _finish(entry, Doomed(about["tasks"], about["uploads"]))


def _folder() -> Path:
    return settings.load().data_dir / "run" / "doomed"


def _entries() -> Iterator[Path]:
    folder = _folder()
    return folder.glob("*.json") if folder.is_dir() else iter(())


def _write(what: Doomed) -> Path:
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{new_id()}"
    # Synced: after a power cut nobody else would know of the files.
    with draft.open("x", encoding="ascii") as file:
        json.dump(asdict(what), file)
        file.flush()
        os.fsync(file.fileno())
    return draft.rename(folder / f"{draft.name[1:]}.json")


def _finish(note: Path, what: Doomed) -> None:
    """Delete what has no row any more; the note stays while something cannot be deleted."""
    there, uploads = _still_there(what)
    gone = [_remove(task_id, folder) for task_id, folder in what.tasks.items() if task_id not in there]
    gone += [_remove_upload(upload_id) for upload_id in what.uploads if upload_id not in uploads]
    if all(gone):
        note.unlink(missing_ok=True)


def _still_there(what: Doomed) -> tuple[set[str], set[str]]:
    # All tenants: a row that is only out of sight must not cost its files.
    with scope.wide(AUTHOR), reading() as session:
        tasks = set(session.scalars(select(Task.id).where(Task.id.in_(what.tasks))))
        return tasks, set(session.scalars(select(Upload.id).where(Upload.id.in_(what.uploads))))


def _remove(task_id: str, folder: str | None) -> bool:
    try:
        # It may be deleted already, by a process that died after it.
        with suppress(NotFound):
            if folder is not None:
                Workspace.open(workspaces_root(), folder).remove()
        history_at(task_id).remove()
        handed.remove(task_id)
        shared.remove(task_id)
    except (Conflict, OSError) as error:
        log.warning("workspace.not_deleted", task=task_id, error=str(error))
        return False
    return True


def _remove_upload(upload_id: str) -> bool:
    try:
        upload_path(settings.load(), upload_id).unlink(missing_ok=True)
    except OSError as error:
        log.warning("upload.not_deleted", upload=upload_id, error=str(error))
        return False
    return True
