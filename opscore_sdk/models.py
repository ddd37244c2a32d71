"""The API's answers as frozen dataclasses.

`read` takes what it knows from a JSON object and leaves the rest: a newer server may say more.  Times are aware
datetimes in UTC, ids are text.  `raw` is the whole object.
"""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Self

SUCCEEDED = "succeeded"
ENDED = frozenset({SUCCEEDED, "failed", "cancelled"})


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Base of the answers."""

    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, value: dict[str, Any]) -> Self:
        """The answer that this JSON object is."""
        names = {each.name for each in fields(cls)} - {"raw"}
        known = {name: _read_time(name, item) for name, item in value.items() if name in names}
        return cls(**known, raw=value)


def _read_time(name: str, value: Any) -> Any:
    if isinstance(value, str) and (name == "at" or name.endswith(("_at", "_until"))):
        return datetime.fromisoformat(value)
    return value


@dataclass(frozen=True, kw_only=True)
class Problem(Shape):
    """One mistake in what was handed in; `line` is that of a playbook's text."""

    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.path}, line {self.line}" if self.line else self.path
        return f"{place}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class Task(Shape):
    """What somebody asked for.  `description`, `inputs`, `limits` and `why_queued` are empty in lists."""

    id: str
    title: str
    state: str
    stage: str
    complexity: int
    priority: int = 4
    template: str | None = None
    agent: str | None = None
    queue: str = ""
    steps_total: int = 0
    steps_done: int = 0
    event_count: int = 0
    attempts: int = 0
    error_code: str | None = None
    error_message: str | None = None
    submitted_at: datetime | None = None
    waits_until: datetime | None = None
    deadline_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    wishes: list[str] = field(default_factory=list)
    """What its run was asked for and has not obeyed yet: "cancel", "stop", "pause"."""
    dead_letter_at: datetime | None = None
    cloned_from_id: str | None = None
    schedule_id: str | None = None
    epoch: int = 1
    description: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    retry: dict[str, Any] = field(default_factory=dict)
    why_queued: str = ""
    question: dict[str, Any] | None = None
    """What it waits for a person to say: `kind`, `step`, `key`, `title`, `tool`, `choices`."""

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    @property
    def has_succeeded(self) -> bool:
        return self.state == SUCCEEDED


@dataclass(frozen=True)
class Page:
    """Some tasks, newest first; ask again with the cursor for older ones."""

    tasks: list[Task]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True)
class Step(Shape):
    """One tool call or one model call of a task."""

    id: str
    key: str
    title: str
    stage: str
    tool: str
    state: str
    position: int
    attempt: int = 1
    superseded_at: datetime | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    output: dict[str, Any] = field(default_factory=dict)
    stdout: str = ""
    stderr: str = ""
    resources: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Each limit it ran under: `value`, `shown`, `set_by`."""
    changes: dict[str, Any] = field(default_factory=dict)
    parent_id: str | None = None
    """The model's answer whose call it is."""
    usage: dict[str, Any] = field(default_factory=dict)
    """Of a model's answer: model, tokens, cost in US dollars."""
    for_model: str | None = None
    """What the model was told of it."""
    error_code: str | None = None
    error_message: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Event(Shape):
    """One line of a timeline; numbers count from 1 without gaps."""

    number: int
    kind: str
    subject_id: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None

    @property
    def is_end(self) -> bool:
        """Whether the task has ended with it."""
        return self.kind in {f"task.{state}" for state in ENDED}


@dataclass(frozen=True, kw_only=True)
class Output(Shape):
    """A piece of what a running step printed; lost when nobody listens."""

    step: str
    stream: str
    text: str


@dataclass(frozen=True, kw_only=True)
class File(Shape):
    """One file of a task's workspace."""

    path: str
    size_bytes: int
    kind: str = "file"
    modified_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Upload(Shape):
    """A file that was brought; `input` is what to name as a task's input."""

    id: str
    input: str
    name: str
    size_bytes: int
    media_type: str = ""


@dataclass(frozen=True, kw_only=True)
class Agent(Shape):
    """Who may do work; `light` is green, yellow or red, and `reason` says why."""

    id: str
    name: str
    light: str
    reason: str
    complexity_min: int | None = None
    complexity_max: int | None = None
    limits: dict[str, float] = field(default_factory=dict)
    approvals: list[str] = field(default_factory=list)
    paused_at: datetime | None = None
    max_running: int | None = None
    model: str | None = None
    workers: list[dict[str, Any]] = field(default_factory=list)
    current_tasks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Service(Shape):
    """A host that tools call; `circuit` is closed (it is called), open (not before `open_until`) or trying."""

    name: str
    circuit: str
    failures: int = 0
    last_error: str | None = None
    failed_at: datetime | None = None
    open_until: datetime | None = None
    rate: str | None = None


@dataclass(frozen=True, kw_only=True)
class Search(Shape):
    """A search that a task made; each result has title, url, snippet, position and published."""

    id: str
    query: str
    provider: str
    options: dict[str, Any] = field(default_factory=dict)
    results: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None
    is_cached: bool = False
    task_id: str | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class SearchPage:
    """Some searches, newest first; ask again with the cursor for older ones."""

    searches: list[Search]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True)
class BulkProgress(Shape):
    """How far a bulk action came; `left` is exact up to 10,000, 10,001 stands for more."""

    done: int
    refused: int
    left: int
    next_cursor: str | None = None
    examples: list[Task] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    """Why some were refused: each reason, and of how many tasks."""

    @classmethod
    def read(cls, value: dict[str, Any]) -> "BulkProgress":
        """The progress that this JSON object is."""
        found = super().read({**value, "examples": [Task.read(each) for each in value.get("examples", [])]})
        return replace(found, raw=value)


@dataclass(frozen=True, kw_only=True)
class Queue(Shape):
    """Where tasks wait; `depth` and `running` are exact up to 1,000, 1,001 stands for more."""

    name: str
    depth: int
    running: int
    paused_at: datetime | None = None
    paused_by: str | None = None
    pause_reason: str = ""
    max_running: int | None = None
    agents: list[str] = field(default_factory=list)
    workers: int = 0
    places: int = 0


@dataclass(frozen=True, kw_only=True)
class Approval(Shape):
    """What a person must agree to before it happens; `digest` binds an answer to it."""

    id: str
    task_id: str
    key: str
    tool: str
    title: str
    arguments: dict[str, Any]
    digest: str
    why: str
    risk: str
    diff: str
    state: str
    asked_at: datetime
    expires_at: datetime | None
    on_expiry: str
    decided_at: datetime | None
    decided_by: str | None
    decided_arguments: dict[str, Any] | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Asked(Shape):
    """A task that waits for a person; `approval` is None where it asks something else."""

    task: dict[str, Any]
    question: dict[str, Any]
    approval: Approval | None

    @classmethod
    def read(cls, value: dict[str, Any]) -> Self:
        """With the approval as one."""
        found = super().read(value)
        return replace(found, approval=Approval.read(value["approval"]) if value.get("approval") else None)


@dataclass(frozen=True, kw_only=True)
class Emergency(Shape):
    """How the emergency stop stands: tasks that it holds, and how many are `left` to be stopped or resumed."""

    is_on: bool
    held: int
    left: int
    since: datetime | None = None
    by: str | None = None
    reason: str = ""

    @classmethod
    def read(cls, value: dict[str, Any]) -> "Emergency":
        """What this JSON object says."""
        since = datetime.fromisoformat(value["since"]) if value.get("since") else None
        return replace(super().read({**value, "since": since}), raw=value)


@dataclass(frozen=True, kw_only=True)
class Template(Shape):
    """What a task can be made from; `inputs` is a JSON Schema.  `steps` is empty in lists."""

    slug: str
    title: str
    version: str
    complexity: int
    description: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Check(Shape):
    """What is wrong with a playbook, or what it would call."""

    is_valid: bool
    problems: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Firing(Shape):
    """A time of a schedule that has come; `outcome` is submitted, missed, overlapped or refused."""

    due_at: datetime
    outcome: str
    reason: str = ""
    fired_at: datetime | None = None
    task_id: str | None = None
    task_state: str | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule(Shape):
    """What is submitted, and when; `state` is active, paused or ended.  `order` and `next_times` are empty in lists."""

    id: str
    name: str
    state: str
    repeats: str
    rule: str
    time_zone: str
    in_words: str = ""
    missed: str = "one"
    overlap: str = "skip"
    next_at: datetime | None = None
    last: Firing | None = None
    order: dict[str, Any] = field(default_factory=dict)
    next_times: list[datetime] = field(default_factory=list)

    @classmethod
    def read(cls, value: dict[str, Any]) -> "Schedule":
        """The schedule that this JSON object is."""
        times = [datetime.fromisoformat(each) for each in value.get("next_times", [])]
        last = Firing.read(value["last"]) if value.get("last") else None
        found = super().read({**value, "next_times": times, "last": last})
        return replace(found, raw=value)
