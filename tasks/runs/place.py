"""Where a run works: a folder of its own, made when the first step needs one, and the history that keeps it.

It begins as the last finished step left it, or new with the inputs copied in.  As root it belongs to a uid that
no other running task has, for as long as the run lasts.
"""

import time
import uuid
from contextlib import ExitStack
from typing import Any

import settings
from models.states import Stage
from models.task import Task
from models.workspace import Workspace as WorkspaceRow
from tasks import folders
from tasks.family import handed
from tasks.keeping import leftovers
from tasks.orders.inputs import Source
from tasks.plans.plan_fields import PlanFields
from tasks.runs import calls, readme
from tasks.runs.ledger import Ledger
from tasks.runs.outcome import StepOutcome
from tools import identity
from tools.workspace import Workspace

STORE = "local"


class Place:
    """Of one run; leave its block and the uid is free again."""

    def __init__(self, ledger: Ledger, task: Task, plan: PlanFields, source: Source | None, until: ExitStack) -> None:
        self._ledger = ledger
        self._task = task
        self._plan = plan
        self._source = source
        self._until = until
        self._before = ledger.workspace()
        self._history = folders.history_at(task.id)
        self._workspace: Workspace | None = None
        self._stage: Stage | None = None
        self.snapshot: str | None = self._before.snapshot if self._before else None

    @property
    def workspace(self) -> Workspace:
        """The folder, which is made now if it is not there.

        Raises:
            SandboxUnavailable: all uids of this host are lent; transient.
            OpsCoreError: what the task works on cannot be copied in, or the history cannot be read.
        """
        if self._workspace is None:
            self._workspace = self._prepare()
            self.show(self._stage)
        return self._workspace

    def enter(self, stage: Stage) -> None:
        """Have the folder's README.md say how far the work has come, as soon as there is one."""
        self._stage = stage
        if self._workspace is not None:
            self.show(stage)

    def complete(self) -> None:
        """Have it say that the work is done, wherever an earlier run left it."""
        self._stage = Stage.COMPLETE
        if self._before is not None or self._workspace is not None:
            self.show(Stage.COMPLETE)

    def show(self, stage: Stage | None) -> None:
        """Write README.md."""
        text = readme.readme(self._task, stage, self._plan.stages)
        self.workspace.write_bytes(readme.FILE, text)

    def keep(self, outcome: StepOutcome) -> None:
        """Snapshot the folder and note in the outcome what the step changed in it."""
        calls.keep(outcome, self.workspace, self._history, self.snapshot)
        self.snapshot = outcome.snapshot or self.snapshot

    def _prepare(self) -> Workspace:
        owner = self._until.enter_context(identity.lent())
        begun = time.monotonic()
        name, before = uuid.uuid4().hex, self._before
        with leftovers.replacing(before.folder if before is not None else None, name):
            first = readme.readme(self._task, None, self._plan.stages).decode()
            workspace = Workspace.create(folders.workspaces_root(), name, first, owner)
            try:
                told = self._restore(workspace, before) or self._fill(workspace)
                told["wall_ms"] = round((time.monotonic() - begun) * 1000)
                run_number = self._ledger.claim.run_number
                row = {"store": STORE, "folder": name, "run_number": run_number, "snapshot": self.snapshot}
                self._ledger.workspace_ready(row, told)
            except BaseException:
                # No row names the folder yet.
                workspace.remove()
                raise
        return workspace

    def _restore(self, workspace: Workspace, before: WorkspaceRow | None) -> dict[str, Any]:
        """As the last finished step left it; nothing where there is no such step."""
        if before is None or before.snapshot is None:
            return {}
        self._history.restore(before.snapshot, workspace)
        return {"restored": before.snapshot}

    def _fill(self, workspace: Workspace) -> dict[str, Any]:
        """With the plan's files and what the task works on."""
        told, source = settings.load(), self._source
        for path, text in self._plan.files.items():
            workspace.write_bytes(path, text.encode())
        if source is not None:
            copied = workspace.copy_in(
                source.path, "src/input", max_bytes=told.input_max_bytes, without=told.data_dir.resolve()
            )
            # An upload lies under its id on the host, and has its own name here.
            if source.kind == "file" and copied != [source.inside]:
                workspace.move(copied[0], source.inside)
        if (given := handed.folder_for(self._task.id)).is_dir():
            workspace.copy_in(given, handed.INTO)
        kept = self._history.snapshot(workspace)
        self.snapshot = kept.id
        return {"files": kept.files, "bytes": kept.total_bytes}
