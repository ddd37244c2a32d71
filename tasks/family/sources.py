"""A file of the workspace as what a part works on: `workspace:PATH` as its input becomes an upload of its own.

An upload is there as long as a task names it; those of a call that failed go at once.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import delete

import settings
from models.database import writing
from models.errors import InvalidInput, NotFound, OpsCoreError
from models.workspace import Upload
from tasks.family.parts import refused
from tasks.orders.inputs import UPLOAD, upload_path
from tasks.orders.submission import Prepared
from tasks.orders.uploads import store
from tools.waiting import Wait
from tools.workspace import Workspace

WORKSPACE = "workspace:"


class Sources:
    """What one call takes from its workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._made: dict[int, tuple[str, str]] = {}
        """By the part's place: the input, and the id of its upload."""

    @property
    def values(self) -> frozenset[str]:
        """What stands in the inputs in place of the paths."""
        return frozenset(f"{UPLOAD}{upload_id}" for _, upload_id in self._made.values())

    def filled(self, index: int, part: Mapping[str, Any]) -> Mapping[str, Any]:
        """The part with an upload where its input names a file of the workspace.

        Raises:
            InvalidInput: there is no such file, or no room for it.
        """
        inputs = dict(part.get("inputs") or {})
        for name, value in inputs.items():
            if isinstance(value, str) and value.startswith(WORKSPACE):
                inputs[name] = self._upload(index, name, value.removeprefix(WORKSPACE))
        return {**part, "inputs": inputs}

    def must_be_used(self, index: int, prepared: Prepared) -> None:
        """The plan's input that is a file or folder is what names the upload.

        Raises:
            InvalidInput: another one does.
        """
        name, upload_id = self._made.get(index, ("", prepared.upload_id))
        if upload_id != prepared.upload_id:
            message = f"takes no file: {WORKSPACE}PATH is for the input that is a file or folder; hand over `files`"
            raise refused(index, (f"inputs.{name}", message))

    def forget(self) -> None:
        """Delete what was made; no task names it."""
        for _, upload_id in self._made.values():
            with writing() as session:
                mine = delete(Upload).where(Upload.id == upload_id)
                session.execute(mine.execution_options(synchronize_session=False))
            upload_path(settings.load(), upload_id).unlink(missing_ok=True)

    def _upload(self, index: int, name: str, path: str) -> str:
        if index in self._made:
            raise refused(index, (f"inputs.{name}", "a plan works on one file or folder; hand over `files` besides"))
        try:
            with self._workspace.open_for_read(path) as content:
                upload = store(PurePosixPath(path).name, content)
        except (InvalidInput, NotFound) as error:
            raise refused(index, (f"inputs.{name}", f"cannot take {path}: {error.message}")) from error
        self._made[index] = (name, upload.id)
        return f"{UPLOAD}{upload.id}"


@contextmanager
def taken(workspace: Workspace) -> Iterator[Sources]:
    """Within, the parts are made."""
    sources = Sources(workspace)
    try:
        yield sources
    except (OpsCoreError, Wait):
        sources.forget()
        raise
