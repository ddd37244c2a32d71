"""Files that a task hands over to a part of it: copied when the part is made, found by it in `src/handed/`.

They lie under the part's id until the part is deleted: opened again from its beginning, it finds them again.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import settings
from models.errors import InvalidInput, NotFound, Problem, ToolFailed
from tools import files_at
from tools.workspace import Workspace

INTO = "src/handed"


def folder_for(task_id: str) -> Path:
    """Where they lie on this host; there only if there are any."""
    return settings.load().data_dir / "handed" / task_id


def keep(task_id: str, index: int, paths: Sequence[str], workspace: Workspace) -> None:
    """Copy these files, and all below these folders, for the part with this id, the `index`th of a call.

    Raises:
        InvalidInput: one of them is not there, or they are too large together.
    """
    left = settings.load().input_max_bytes
    for path in paths:
        for found in _files(path, index, workspace):
            size = workspace.entry(found).size
            left -= size
            if left < 0:
                raise _wrong(index, "they are larger together than an input may be (OPSCORE_INPUT_MAX_BYTES)")
            must_leave_room(size)
            _copy(workspace, found, folder_for(task_id))


def must_leave_room(size: int) -> None:
    """So many bytes may be written besides.

    Raises:
        ToolFailed: the disk would be nearly full; another time there may be room.
    """
    told = settings.load()
    if shutil.disk_usage(told.data_dir).free - size < told.disk_reserve_bytes:
        raise ToolFailed("cannot keep the files: the disk of this OpsCore is nearly full; make room on it", size=size)


def remove(task_id: str) -> None:
    """Delete them; fine where there are none."""
    folder = folder_for(task_id)
    if folder.exists():
        shutil.rmtree(folder)


def _files(path: str, index: int, workspace: Workspace) -> list[str]:
    try:
        entry = workspace.entry(path)
        if entry.kind == "file":
            return [files_at.clean(path)]
        if entry.kind == "folder":
            return [each.path for each in workspace.walk(path) if each.kind == "file"]
    except NotFound as error:
        raise _wrong(index, f"there is no {path} in this workspace") from error
    raise _wrong(index, f"{path} is neither a file nor a folder")


def _copy(workspace: Workspace, path: str, into: Path) -> None:
    target = into / path
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with workspace.open_for_read(path) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)
        copy.flush()
        os.fsync(copy.fileno())


def _wrong(index: int, message: str) -> InvalidInput:
    problem = Problem(path=f"tasks[{index}].files", line=None, message=message)
    return InvalidInput("cannot hand these files over", problems=[problem])
