"""One tool call: hand the tool its context, stream its output, keep what it told and what it left in the folder."""

import codecs
import mimetypes
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice

import settings
from models.errors import InvalidInput, NotFound
from models.task import Task
from tasks import live
from tasks.family.asker import Asker, Patiently, at_once
from tasks.folders import workspaces_root
from tasks.research.pages import FamilyPages
from tasks.research.searches import KeptSearches
from tasks.runs import readme
from tasks.runs.outcome import MOST_PATHS, KeptFile, StepOutcome, of_result
from tasks.runs.services import SharedServices
from tasks.runs.told import Telling, Told
from tools import sandbox
from tools.contract import Context, Limits
from tools.history import History
from tools.limits import Effective
from tools.network.reach import Network
from tools.packages.rules import Rules
from tools.registry import find
from tools.team.port import Family
from tools.web.rules import Web
from tools.workspace import NO_WORKSPACE, Workspace

FLUSH_EVERY_S = 0.1
LONGEST_PATH = 1000
"""Characters of an artifact's column."""


class OutputStream:
    """Sends a step's output to whoever watches, many small chunks as one message."""

    def __init__(self, task_id: str, step_id: str) -> None:
        self.task_id = task_id
        self.step_id = step_id
        self.waiting: dict[str, bytearray] = {}
        # A chunk may end within a character.
        self.decoders: dict[str, codecs.IncrementalDecoder] = {}
        self.sent_at = 0.0

    def emit(self, stream: str, chunk: bytes) -> None:
        """Take a chunk; send it now or with the next ones."""
        self.waiting.setdefault(stream, bytearray()).extend(chunk)
        self.flush_if_due()

    def flush_if_due(self) -> None:
        """Send what is waiting, unless that was done just now."""
        if time.monotonic() - self.sent_at >= FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Send what is waiting."""
        for stream, chunk in self.waiting.items():
            text = self._decoder(stream).decode(bytes(chunk))
            if text:
                live.output(self.task_id, self.step_id, stream, text)
        self.waiting.clear()
        self.sent_at = time.monotonic()

    def _decoder(self, stream: str) -> codecs.IncrementalDecoder:
        if stream not in self.decoders:
            self.decoders[stream] = codecs.getincrementaldecoder("utf-8")("replace")
        return self.decoders[stream]


def go_on() -> bool:
    """Nobody wants the call to end."""
    return False


def nothing_waits() -> None:
    """All that was noted before the call stands."""


@dataclass(frozen=True)
class ToCall:
    """A step that began: which tool, under which limits, where what it tells goes, and whether it is to end."""

    tool: str
    key: str
    step_id: str
    arguments: dict[str, object]
    limits: Effective
    note: Callable[[list[Telling]], None]
    is_cut: Callable[[], bool] = go_on
    settle: Callable[[], None] = nothing_waits
    attempt: int = 1
    """Which try of the step this is."""
    patiently: Patiently = at_once
    """How what the tool asks of its family meets a database that is away."""


def call(task: Task, workspace: Workspace | None, wanted: ToCall) -> StepOutcome:
    """Run the tool; without a workspace where it needs none.

    Raises:
        OpsCoreError: it could not be called; nothing was run, or the tool itself broke.
        Fenced: another run owns the task by now.
    """
    settled = settings.load()
    tool = find(wanted.tool)
    output, told = OutputStream(task.id, wanted.step_id), Told(wanted.note, wanted.settle)

    def is_cancelled() -> bool:
        """Whether the call is to end; asked several times a second, which is when late chunks and events are sent."""
        if wanted.is_cut():
            return True
        output.flush_if_due()
        told.write_if_due()
        return wanted.is_cut()

    isolated = sandbox.choose(settled.sandbox_tier, workspaces_root())
    services = SharedServices(settled.rates, told.tell, is_cancelled)
    context = replace(
        context_of(settled, workspace or NO_WORKSPACE, isolated, wanted.limits.limits),
        emit=output.emit,
        is_cancelled=is_cancelled,
        tell=told.tell,
        idempotency_key=f"{task.id}/{task.epoch}/{wanted.key}",
        environment={"OPSCORE_TASK_TITLE": task.title},
        services=services,
        family=_family(task, wanted),
        searches=KeptSearches(task.id, timedelta(seconds=settled.search_keep_s)),
        pages=FamilyPages(task.id),
    )
    try:
        services.pace(tool.name)
        return of_result(tool.run(tool.parse(wanted.arguments), context), wanted.limits)
    finally:
        output.flush()
        told.end()


def _family(task: Task, wanted: ToCall) -> Family:
    # Handing on submits tasks: what that imports is half of tasks/, and imports this module.
    from tasks.family.port import TaskFamily

    return TaskFamily(Asker(task.id, task.run_number, task.epoch, wanted.key, wanted.attempt), wanted.patiently)


def context_of(settled: settings.Settings, workspace: Workspace, isolated: sandbox.Sandbox, limits: Limits) -> Context:
    """What this installation hands every call, whoever makes it."""
    return Context(
        workspace=workspace,
        sandbox=isolated,
        limits=limits,
        tool_env=settled.tool_env,
        terminal_allow=tuple(settled.terminal_allow),
        network=_network(settled),
        packages=_packages(settled),
        web=_web(settled),
    )


def _web(settled: settings.Settings) -> Web:
    return Web(
        provider=settled.search_provider,
        searxng_url=settled.searxng_url,
        duckduckgo_url=settled.duckduckgo_url,
        cache_for=timedelta(seconds=settled.search_cache_s),
        robots=settled.data_dir / "robots",
    )


def _packages(told: settings.Settings) -> Rules:
    return Rules(
        folder=told.data_dir / "environments",
        allow=tuple(told.packages_allow),
        deny=tuple(told.packages_deny),
        from_source=tuple(told.packages_from_source),
        hosts=tuple(told.packages_hosts),
        keep_bytes=told.packages_keep_bytes,
        keep_for=timedelta(seconds=told.packages_keep_s),
    )


def _network(settled: settings.Settings) -> Network:
    return Network(
        hosts=frozenset(settled.network_hosts),
        git_hosts=frozenset(settled.git_hosts),
        local=frozenset(settled.network_local),
        ca_bundle=settled.ca_bundle,
    )


def keep(outcome: StepOutcome, workspace: Workspace, history: History, before: str | None) -> None:
    """Snapshot the folder and note in the outcome what the step changed in it."""
    snapshot = history.snapshot(workspace)
    changes = history.compare(before, snapshot.id)
    outcome.snapshot_before, outcome.snapshot = before, snapshot.id
    outcome.is_kept = True
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
