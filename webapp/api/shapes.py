"""What goes into the API and what comes out; the OpenAPI document is made from these.

Times are UTC, RFC 3339.  An answer's fields are only added to, never changed in meaning.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from models.states import Stage, State
from models.step import StepState
from models.task_list import LARGEST_PAGE

LARGEST_NUMBER = 2**31 - 1
Complexity = Annotated[int, Field(ge=1, le=10)]
WrittenLimits = Annotated[
    dict[str, str | float | None],
    Field(
        description="What a step may use at most, by name: wall, cpu (`90 s`, `5 min`), memory, file_size, workspace, "
        "written, output, network (`512 MiB`), processes, files. A number is in seconds or bytes. The tightest limit "
        "of installation, tool, plan, agent and task holds.",
        examples=[{"memory": "512 MiB", "wall": "5 min", "processes": 64}],
    ),
]

Span = Annotated[
    str | float,
    Field(description="A length of time: `90 s`, `5 min`, `2 h`; a number is in seconds.", examples=["5 min"]),
]
WrittenRetry = Annotated[
    dict[str, Any],
    Field(
        description="Whether and when a failed step is tried again: attempts, wait, first, factor, most, total, "
        "errors. What is not named is as the step, the plan or its tool says.",
        examples=[{"attempts": 5, "first": "10 s"}],
    ),
]


class Question(BaseModel):
    """Base of what comes in: an unknown name is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """Base of what goes out; made from rows by their attributes."""

    model_config = ConfigDict(from_attributes=True)


class KeyHeader(BaseModel):
    idempotency_key: str | None = Field(
        None,
        alias="Idempotency-Key",
        description="A name of your own for this request; repeating both returns the first task.",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
    )


class ResumeHeader(BaseModel):
    last_event_id: str | None = Field(
        None,
        alias="Last-Event-ID",
        description="Number of the last event that was seen; asks for Server-Sent Events after it.",
        pattern=r"^[0-9]{1,9}$",
    )


class TaskPath(Question):
    id: UUID = Field(description="The task's id.")


class FilesQuery(Question):
    folder: str = Field(".", description="Only what is below this folder.", max_length=4000)
    limit: int = Field(1000, ge=1, le=10_000, description="Most files of one page.")
    cursor: str | None = Field(None, description="`next_cursor` of the page before.", max_length=8000)


class FilePath(TaskPath):
    path: str = Field(description="Path inside the workspace, such as `output/report.html`.", max_length=4000)


class AgentPath(Question):
    name: str = Field(description="The agent's name.", max_length=80)


class TemplatePath(Question):
    slug: str = Field(description="The template's name.", max_length=80)


class TaskQuery(Question):
    state: State | None = Field(None, description="Only tasks in this state.")
    agent: str | None = Field(None, description="Only tasks of the agent with this name.", max_length=80)
    complexity: Complexity | None = Field(None, description="Only tasks of this complexity.")
    q: str | None = Field(
        None, description="Words; each must begin a word of the title or the description.", max_length=500
    )
    family: UUID | None = Field(None, description="Only the task with this id, and all that came from it.")
    dead_letters: bool = Field(False, description="Only those that failed for good and nobody has dealt with.")
    cursor: UUID | None = Field(None, description="`next_cursor` of the page before.")
    limit: int = Field(50, ge=1, le=LARGEST_PAGE, description="Most tasks of a page.")


class EventQuery(Question):
    after: int = Field(0, ge=0, le=LARGEST_NUMBER, description="Only events with a higher number.")
    limit: int = Field(500, ge=1, le=1000, description="Most events of a JSON answer.")


class UploadQuery(Question):
    name: str | None = Field(None, description="The file's name, when the body is the file.", max_length=500)


class PromiseShape(Question):
    """A file that must be there at the end."""

    path: str = Field(description="In the workspace, such as `output/report.md`.", min_length=1, max_length=1000)
    check: str | None = Field(None, description="Name of a check that its content must pass.", max_length=60)


class BudgetShape(Question):
    """What may be spent at most; null sets no limit."""

    tokens: int | None = Field(None, ge=1, le=10**12, description="Input and output together.")
    cost: float | None = Field(None, gt=0, le=1_000_000, description="US dollars.")
    calls: int | None = Field(None, ge=1, le=1_000_000, description="Calls of models.")
    wall_s: float | None = Field(None, gt=0, le=30 * 86400, description="Seconds of work.")


class Thinking(Question):
    """What a person says about a model's work; a field that is left out is as the template says."""

    tools: list[str] | None = Field(None, description="Names of the tools that the model may use.", max_length=100)
    model: str | list[str] | None = Field(
        None, description="`provider/model`; of several the first that answers. Default: by complexity."
    )
    budget: BudgetShape = Field(default_factory=BudgetShape)
    promises: list[str | PromiseShape] = Field(
        default_factory=list, description="Files that it must leave: without them it is not complete.", max_length=50
    )
    instructions: str = Field("", description="For the model, besides the description.", max_length=50_000)
    approvals: list[str] = Field(
        default_factory=list,
        description="Tools whose calls a person must approve, or `plan` for the whole; for playbooks too.",
        max_length=100,
    )


class NewTask(Thinking):
    """What to do: a template by its name, or a plan of your own; with neither, a model works on the description."""

    template: str | None = Field(None, description="Name of a template, see /v1/templates.", max_length=80)
    playbook: str | dict[str, Any] | None = Field(
        None, description="A playbook or a model plan: YAML or JSON text, or the object itself."
    )
    inputs: dict[str, Any] = Field(default_factory=dict, description="Values for the plan's inputs.")
    title: str | None = Field(None, min_length=1, max_length=200)
    description: str = Field("", max_length=10_000)
    complexity: Complexity | None = Field(None, description="1 to 10; routes the task. Default: the plan's.")
    priority: int = Field(4, ge=0, le=9, description="Higher is sooner.")
    agent: str | None = Field(None, description="Only this agent may take it.", min_length=1, max_length=80)
    limits: WrittenLimits = Field(default_factory=dict)
    start_at: str | None = Field(
        None,
        description="Not before this time: RFC 3339 with a zone.",
        max_length=60,
        examples=["2030-12-01T06:00:00+01:00"],
    )
    delay: Span | None = Field(None, description="Not before so long from now; instead of `start_at`.")
    deadline: Span | None = Field(
        None, description="It fails unless it has ended so long after its start, or by this time (RFC 3339)."
    )
    retry: WrittenRetry = Field(default_factory=dict)


class AgentChange(Question):
    """What to change about an agent; what is not named stays."""

    limits: WrittenLimits = Field(default_factory=dict, description="As for a task; null takes a limit away.")
    approvals: list[str] = Field(
        default_factory=list,
        description="Tools whose calls a person must approve, or `plan` for each task as a whole; instead of those "
        "that were.",
        max_length=100,
    )
    is_paused: bool = Field(False, description="Whether it takes no more tasks; what it runs goes on.")
    max_running: int | None = Field(
        None, ge=1, le=10_000, description="So many tasks at a time on all hosts together; null is no limit."
    )
    model: str | None = Field(
        None, max_length=300, description="`provider/model` that it thinks with; null: by the task's complexity."
    )


class NewCheck(Question):
    """A playbook to look over; nothing is run."""

    playbook: str | dict[str, Any] = Field(description="YAML or JSON text, or the object itself.")
    inputs: dict[str, Any] = Field(default_factory=dict)


class TaskError(Answer):
    code: str | None
    message: str | None


class TaskSummary(Answer):
    """A task as a list shows it."""

    id: UUID
    title: str
    state: State
    stage: Stage
    complexity: int
    priority: int
    template: str | None
    template_version: str | None
    queue: str
    agent: str | None = Field(description="The agent that runs it or ran it last.")
    steps_total: int = Field(description="How many steps are planned so far.")
    steps_done: int
    event_count: int = Field(description="Number of the newest event of its timeline.")
    epoch: int
    run_number: int = Field(description="How often it was claimed.")
    attempts: int
    losses: int = Field(description="How many workers died with it since it last finished a step.")
    error_code: str | None
    error_message: str | None
    submitted_at: datetime
    waits_until: datetime | None = Field(description="Not before this time; null once that has come.")
    deadline_at: datetime | None = Field(description="It fails unless it has ended by then.")
    started_at: datetime | None
    finished_at: datetime | None
    wishes: list[Literal["cancel", "stop", "pause"]] = Field(
        description="What its run was asked for and has not obeyed yet; `stop` is a pause in the middle of a step."
    )
    dead_letter_at: datetime | None = Field(description="Since when it has failed and nobody has dealt with it.")
    cloned_from_id: UUID | None = Field(description="The task that it was made like.")
    schedule_id: UUID | None = Field(description="The schedule that submitted it.")
    author: str = Field(description="Who submitted it.")


class QuestionShape(Answer):
    """What a waiting task asks; it is answered with one of the choices."""

    kind: str = Field(
        description="`once_cut`: a step that must not happen twice was cut off. Did it happen? `approval`: may this "
        "be done? `children`: nobody is asked, it waits for the parts that it handed on."
    )
    step: UUID | None = Field(None, description="Id of the step that was cut off.")
    approval: UUID | None = Field(None, description="Id of the approval; it is answered at `/v1/approvals/{id}`.")
    key: str = ""
    title: str = ""
    tool: str = ""
    choices: list[str] = Field(default_factory=list)


class TaskDetail(TaskSummary):
    """A task with all that it was given."""

    description: str
    inputs: dict[str, Any]
    limits: dict[str, float] = Field(description="What it allows each of its steps at most, in seconds and bytes.")
    retry: dict[str, Any] = Field(description="What it says about trying a failed step again, in seconds.")
    why_queued: str = Field(description="Why it has not started, in words; empty when it has.")
    question: QuestionShape | None = Field(description="What it waits for a person to say; null when it asks nothing.")


class TaskPage(Answer):
    tasks: list[TaskSummary]
    next_cursor: UUID | None = Field(description="Ask with it as `cursor` for what is older; null on the last page.")


class LimitShape(Answer):
    """A limit in force, and who set it."""

    value: float = Field(description="In seconds, bytes or pieces.")
    shown: str = Field(description="As people write it: `512 MiB`.")
    set_by: list[str] = Field(description="installation, tool, template, playbook, step, agent, task: all that agree.")


class StepShape(Answer):
    id: UUID
    key: str = Field(description="Its name in the plan, the same in every run.")
    position: int
    epoch: int
    run_number: int
    attempt: int = Field(description="How often its tool has failed in this epoch, and this time.")
    superseded_at: datetime | None = Field(description="When a replay or retry made it history; null: it counts.")
    title: str
    stage: Stage
    tool: str
    arguments: dict[str, Any]
    state: StepState
    exit_code: int | None
    output: dict[str, Any]
    stdout: str = Field(description="Head and tail of what it printed.")
    stderr: str
    resources: dict[str, Any] = Field(
        description="Seconds, bytes and processes it used; `processes_killed` ended with the call, `hit` is the limit."
    )
    limits: dict[str, LimitShape] = Field(description="What it might use at most.")
    parent_id: UUID | None = Field(None, description="The model's answer whose call it is.")
    usage: dict[str, Any] = Field(
        {},
        description="Of a model's answer: model, provider, prompt, input_tokens, output_tokens, cost "
        "(US dollars; null: unknown).",
    )
    for_model: str | None = Field(None, description="What the model was told of it, to the letter.")
    changes: dict[str, Any] = Field(description="Paths it added, changed, removed.")
    snapshot: str | None
    error_code: str | None
    error_message: str | None
    started_at: datetime
    finished_at: datetime | None


class Steps(Answer):
    steps: list[StepShape]


class EventShape(Answer):
    id: UUID
    subject_kind: str
    subject_id: UUID
    number: int = Field(description="Counts from 1 without gaps, per subject.")
    kind: str = Field(description="What happened: `noun.verb`.")
    data: dict[str, Any]
    at: datetime


class Events(Answer):
    events: list[EventShape]
    last_number: int = Field(description="Ask with it as `after` for what came later.")


class FileShape(Answer):
    path: str
    kind: Literal["file", "folder", "link", "other"]
    size_bytes: int
    modified_at: datetime


class Files(Answer):
    files: list[FileShape]
    is_complete: bool = Field(description="False when there are more than are listed.")
    next_cursor: str | None = Field(description="Ask with it as `cursor` for what follows; null on the last page.")


class UploadShape(Answer):
    id: UUID
    input: str = Field(description="Use this as the value of an input: `upload:` and the id.")
    name: str
    size_bytes: int
    digest: str = Field(description="SHA-256, hexadecimal.")
    media_type: str = Field(description="By its contents.")
    created_at: datetime


class WorkerShape(Answer):
    nodename: str
    host: str
    pid: int
    queues: list[str]
    concurrency: int
    version: str
    sandbox: dict[str, Any] = Field(description="What the probe at its start found: tier, name and facts.")
    cpu_percent: float
    memory_bytes: int
    host_load: float
    started_at: datetime
    last_seen_at: datetime


class AgentShape(Answer):
    id: UUID
    name: str
    description: str
    complexity_min: int | None
    complexity_max: int | None
    tools: list[str] | None = Field(description="Names of the tools it may use; null means all.")
    limits: dict[str, float] = Field(description="What its steps may use at most, in seconds and bytes.")
    approvals: list[str] = Field(description="Tools whose calls a person must approve; `plan` for whole tasks.")
    paused_at: datetime | None = Field(description="Since when it takes no more tasks.")
    max_running: int | None = Field(description="So many tasks at a time on all hosts together; null is no limit.")
    model: str | None = Field(description="`provider/model` that it thinks with; null: by the task's complexity.")
    version: int = Field(description="Of its configuration; rises with each change.")
    light: Literal["green", "yellow", "red"]
    reason: str = Field(description="Why this light.")
    workers: list[WorkerShape] = Field(description="Those that run now.")
    current_tasks: list[TaskSummary] = Field(description="What it works on now.")
    created_at: datetime


class Agents(Answer):
    agents: list[AgentShape]


class TemplateShape(Answer):
    slug: str
    title: str
    description: str
    version: str
    complexity: int
    inputs: dict[str, Any] = Field(description="JSON Schema of the inputs.")


class Templates(Answer):
    templates: list[TemplateShape]


class PlannedStepShape(Answer):
    name: str
    title: str
    stage: Stage
    tool: str


class TemplateDetail(TemplateShape):
    steps: list[PlannedStepShape]


class PlannedCallShape(Answer):
    key: str
    title: str
    stage: Stage
    tool: str
    arguments: dict[str, Any]
    when: str | bool | None
    retry: dict[str, Any] = Field(
        {}, description="What the playbook and the step say of trying it again, times in seconds; empty: nothing."
    )
    approval: bool = Field(False, description="Whether a person must approve it, whatever agent does it.")


class Check(Answer):
    is_valid: bool
    problems: list["FieldProblemShape"]
    calls: list[PlannedCallShape] = Field(description="What would be called, as far as can be known before.")


class FieldProblemShape(Answer):
    path: str
    message: str
    line: int | None = None


class SandboxShape(Answer):
    """A sandbox that workers have."""

    tier: int = Field(description="1 and 2 are bubblewrap, 3 is Landlock, 4 is none: commands and code are refused.")
    name: str
    workers: int = Field(description="How many workers have it.")


class Health(Answer):
    """Whether this installation can take and show tasks; what is said here is no secret."""

    status: Literal["ok", "degraded", "down"]
    version: str
    database: Literal["ok", "down"]
    broker: Literal["ok", "down"]
    reconciler: Literal["ok", "down"] = Field(
        description="`down` when none leads: no lost task is given back, nothing starts at its time."
    )
    is_stopped: bool = Field(description="Whether the emergency stop holds: no task is taken until it is released.")
    agents: int = Field(description="Workers that were heard of lately; 0 when the database is down.")
    sandbox: str = Field(description="The weakest sandbox among them, `unknown` without workers.")
    sandboxes: list[SandboxShape] = Field(description="All sandboxes among them, the strongest first.")
