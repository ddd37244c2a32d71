"""One tool call: hand the tool its context, stream its output, keep what it left in the folder."""

import mimetypes
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice

import settings
from models.errors import InvalidInput, NotFound
from models.task import Task
from tasks import live, readme
from tasks.outcome import MOST_PATHS, KeptFile, StepOutcome, of_result
from tools import sandbox
from tools.contract import Context
from tools.history import History
from tools.registry import find
from tools.workspace import Workspace

FLUSH_EVERY_S = 0.1
LONGEST_PATH = 1000
"""Characters of an artifact's column."""


class OutputStream:
    """Sends a step's output to whoever watches, many small chunks as one message."""

    def __init__(self, task_id: str, step_id: str) -> None:
        self.task_id = task_id
        self.step_id = step_id
        self.waiting: dict[str, bytearray] = {}
        self.sent_at = 0.0

    def emit(self, stream: str, chunk: bytes) -> None:
        """Take a chunk; send it now or with the next ones."""
        self.waiting.setdefault(stream, bytearray()).extend(chunk)
        self._flush_if_due()

    def is_cancelled(self) -> bool:
        """Never, in this version; asked several times a second, which is when late chunks are sent."""
        self._flush_if_due()
        return False

    def _flush_if_due(self) -> None:
        if time.monotonic() - self.sent_at >= FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Send what is waiting."""
        for stream, chunk in self.waiting.items():
            if chunk:
                live.output(self.task_id, self.step_id, stream, chunk.decode(errors="replace"))
        self.waiting.clear()
        self.sent_at = time.monotonic()


def call(
    task: Task, workspace: Workspace, tool_name: str, key: str, step_id: str, arguments: dict[str, object]
) -> StepOutcome:
    """Run the tool.

    Raises:
        OpsCoreError: it could not be called; nothing was run, or the tool itself broke.
    """
    told = settings.load()
    tool = find(tool_name)
    output = OutputStream(task.id, step_id)
    context = Context(
        workspace=workspace,
        sandbox=sandbox.choose(),
        limits=tool.limits.tightened(wall_s=told.step_wall_s, memory_bytes=told.step_memory_bytes),
        tool_env=told.tool_env,
        emit=output.emit,
        is_cancelled=output.is_cancelled,
        idempotency_key=f"{task.id}/{task.epoch}/{key}",
        terminal_allow=tuple(told.terminal_allow),
        environment={"OPSCORE_TASK_TITLE": task.title},
    )
    try:
        return of_result(tool.run(tool.parse(arguments), context))
    finally:
        output.flush()


def keep(outcome: StepOutcome, workspace: Workspace, history: History, before: str | None) -> None:
    """Snapshot the folder and note in the outcome what the step changed in it."""
    snapshot = history.snapshot(workspace)
    changes = history.compare(before, snapshot.id)
    outcome.snapshot_before, outcome.snapshot = before, snapshot.id
    outcome.files, outcome.total_bytes = snapshot.files, snapshot.total_bytes
    found = {"added": changes.added, "changed": changes.changed, "removed": changes.removed}
    # README.md is OpsCore's own and changes with every stage.
    outcome.changes = {
        kind: [path for path in paths if path != readme.FILE][:MOST_PATHS] for kind, paths in found.items()
    }
    outcome.artifacts = list(islice(_artifacts(workspace, (*changes.added, *changes.changed)), MOST_PATHS))


def _artifacts(workspace: Workspace, touched: Iterable[str]) -> Iterator[KeptFile]:
    """The files of output/ among these paths that can be opened and named in a row."""
    for path in touched:
        if not path.startswith("output/") or len(path) > LONGEST_PATH:
            continue
        # A name that is no UTF-8 is shown with escapes, and nothing is found under it.
        with suppress(InvalidInput, NotFound):
            entry = workspace.entry(path)
            if entry.kind == "file":
                yield KeptFile(path, entry.size, mimetypes.guess_type(path)[0] or "application/octet-stream")
