"""Where a task's files are on this host: its workspace and the history of it.

Both have opaque names: the workspace's path can be seen from inside the sandbox.
"""

from pathlib import Path

from sqlalchemy import select

import settings
from models.database import reading
from models.errors import NotFound
from models.task import Task
from models.workspace import Workspace as WorkspaceRow
from tools.history import History
from tools.workspace import Workspace


def workspaces_root() -> Path:
    """The folder of all workspaces of this host."""
    return settings.load().data_dir / "workspaces"


def history_at(task_id: str) -> History:
    """The history of the task's workspace."""
    told = settings.load()
    return History(
        told.data_dir / "history" / task_id, total_cap=told.step_workspace_bytes, drafts=drafts_of_histories()
    )


def drafts_of_histories() -> Path:
    """Where all histories write what is not whole yet: on their own disk, so that it can take its name there."""
    return settings.load().data_dir / "history" / "drafts"


def workspace_of(task: Task) -> Workspace:
    """The task's workspace as it is now.

    Raises:
        NotFound: no run has prepared one yet, or it was deleted.
    """
    with reading() as session:
        row = session.scalars(select(WorkspaceRow).where(WorkspaceRow.task_id == task.id)).one_or_none()
    if row is None or row.deleted_at is not None:
        raise NotFound("cannot find the workspace: none was prepared yet", task_id=task.id)
    return Workspace.open(workspaces_root(), row.folder)


def history_of(task: Task) -> History:
    """The history of the task's workspace, one snapshot a step."""
    return history_at(task.id)
