"""What the parts of a task came to: state, last words, output, error, and the files they left."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.states import State
from models.step import MODEL_CALL, Step, StepState
from models.task import Task
from models.workspace import Workspace as WorkspaceRow
from tasks import folders
from tools.contract import Limits
from tools.team.port import Brought, Came
from tools.workspace import Workspace

OUTPUT = "output/"
LONGEST_SUMMARY = 8000
"""Characters, of all children of a call together."""
SHORTEST_SUMMARY = 400
LARGEST_OUTPUT = 8000
"""Characters of JSON; what is larger stands in the part's own step."""
CUT = {State.FAILED: "it failed", State.CANCELLED: "it was cancelled"}


def came(session: Session, parent_id: str, children: Sequence[Task]) -> list[Came]:
    """How these children of the task ended, in the same order."""
    siblings = select(Task.id).where(Task.parent_id == parent_id).order_by(Task.number)
    numbers = {task_id: number for number, task_id in enumerate(session.scalars(siblings), 1)}
    # A model is told a bounded text of a call: each child is to have its part of it.
    longest = max(SHORTEST_SUMMARY, LONGEST_SUMMARY // len(children))
    return [_came(session, child, numbers[child.id], longest) for child in children]


def bring(session: Session, task_id: str, folder: str, into: Workspace, limits: Limits) -> Brought:
    """Copy what the task left under output/ into the folder, smallest names first, as far as there is room."""
    row = session.scalars(select(WorkspaceRow).where(WorkspaceRow.task_id == task_id)).one_or_none()
    if row is None or row.snapshot is None:
        return Brought([])
    history = folders.history_at(task_id)
    sizes = {path: size for path, size in history.sizes(row.snapshot).items() if path.startswith(OUTPUT)}
    room = _Room(into, limits)
    paths = {path: f"{folder}/{path.removeprefix(OUTPUT)}" for path in sorted(sizes) if room.take(sizes[path])}
    if into.exists(folder):
        into.delete(folder)
    history.bring(row.snapshot, paths, into)
    return Brought(list(paths.values()), len(sizes) - len(paths))


class _Room:
    """What may still be written to the workspace."""

    def __init__(self, into: Workspace, limits: Limits) -> None:
        there = [entry.size for entry in into.walk()]
        self._largest = limits.file_bytes
        self._bytes = limits.workspace_bytes - sum(there)
        self._files = limits.workspace_files - len(there)

    def take(self, size: int) -> bool:
        """Whether there is room for one more file of this size, which is taken."""
        if size > min(self._largest, self._bytes) or self._files < 1:
            return False
        self._bytes -= size
        self._files -= 1
        return True


def _came(session: Session, task: Task, number: int, longest: int) -> Came:
    last = _last_step(session, task)
    is_model = last is not None and last.tool == MODEL_CALL
    # What a model was sent and answered is its own; its words are what counts.
    output = {} if last is None or is_model else _bounded(last.output)
    error = "" if task.state == State.SUCCEEDED else task.error_message or CUT.get(State(task.state), "")
    summary = "" if last is None else _cut(last.stdout, longest)
    return Came(number, task.id, task.title, str(task.state), summary, output, error)


def _last_step(session: Session, task: Task) -> Step | None:
    mine = (Step.task_id == task.id, Step.superseded_at.is_(None), Step.state == StepState.SUCCEEDED)
    found = select(Step).where(*mine, Step.parent_id.is_(None)).order_by(Step.position.desc(), Step.id.desc())
    return session.scalars(found.limit(1)).one_or_none()


def _cut(text: str, longest: int) -> str:
    """The last words: what a model answered, or what the last step printed."""
    said = text.strip()
    return said if len(said) <= longest else f"{said[: longest - 1]}…"


def _bounded(output: Mapping[str, Any]) -> dict[str, Any]:
    return dict(output) if len(json.dumps(output, default=str)) <= LARGEST_OUTPUT else {}
