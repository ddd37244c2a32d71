"""Rows for tests, as the real writers leave them: agents, and tasks in every state with steps and timeline.

Each function adds to the session it is given and returns the row; the caller commits.  Runs within `acting(…)`.
`every_state` makes one of each, `every_plight` what can befall a task beside them, for pages to be looked at.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import circuit, rate
from models.agent import Agent, Worker
from models.approval import Approval
from models.columns import new_id, now
from models.event import Event
from models.plan import Plan
from models.search_query import SearchQuery
from models.states import TERMINAL, Stage, State
from models.step import Step, StepState
from models.task import Task
from models.workspace import Artifact
from tasks.approvals.card import digest

HEALTHY = {"tier": 1, "name": "bubblewrap", "facts": {}}
PLAYBOOK = {"name": "two-steps", "title": "Two steps", "version": "1", "steps": []}
PLAN = (
    ("plan", Stage.DESIGN, "python.run", "Write the plan"),
    ("measure", Stage.BUILD, "python.run", "Measure every file"),
    ("check", Stage.TEST, "python.run", "Count again by other means"),
    ("draw", Stage.REVIEW, "python.run", "Draw the charts"),
    ("report", Stage.REVIEW, "python.run", "Write the report"),
)


def make_agent(
    session: Session, name: str = "scout", low: int | None = 1, high: int | None = 5, **values: Any
) -> Agent:
    """An agent without a worker: its light is red."""
    agent = Agent(name=name, complexity_min=low, complexity_max=high, **values)
    session.add(agent)
    session.flush()
    return agent


def make_worker(session: Session, agent: Agent, **values: Any) -> Worker:
    """A healthy worker that was seen just now and serves the agent's range."""
    levels = range(agent.complexity_min or 1, (agent.complexity_max or 0) + 1)
    facts: dict[str, Any] = {
        "nodename": f"{agent.name}@host",
        "host": "host",
        "pid": 4242,
        "process_started_at": now().timestamp(),
        "queues": [*(f"complexity.{level}" for level in levels), f"agent.{agent.name}"],
        "concurrency": 2,
        "version": "0.1.0",
        "sandbox": HEALTHY,
        "cpu_percent": 12.5,
        "memory_bytes": 180_000_000,
        "host_load": 0.4,
        "started_at": now() - timedelta(hours=3),
    }
    worker = Worker(agent_id=agent.id, **{**facts, **values})
    session.add(worker)
    session.flush()
    return worker


def make_task(session: Session, state: State = State.QUEUED, done: int = 0, **values: Any) -> Task:
    """A task of five planned steps, `done` of them finished, with its timeline; FAILED fails at the next step."""
    submitted = values.pop("submitted_at", now() - timedelta(minutes=3))
    complexity = values.pop("complexity", 3)
    facts: dict[str, Any] = {
        "title": "Survey a code base",
        "complexity": complexity,
        "plan": Plan(content=PLAYBOOK),
        "queue": f"complexity.{complexity}",
        "rank_at": submitted,
        "submitted_at": submitted,
        "published_at": submitted,
        "steps_total": len(PLAN),
        "template": "survey-code-base",
        "template_version": "1.0",
    }
    task = Task(state=state, **{**facts, **values})
    session.add(task)
    session.flush()
    make_event(session, task, "task.submitted", submitted, queue=task.queue, title=task.title)
    if state is not State.QUEUED:
        _begin(session, task, submitted + timedelta(seconds=1.2))
    if state is State.SUCCEEDED:
        done = len(PLAN)
    for position in range(1, done + 1):
        make_step(session, task, position)
    if state is State.RUNNING and done < len(PLAN):
        make_step(session, task, done + 1, StepState.STARTED)
    if state is State.FAILED and not task.error_message:
        _break(session, task, done + 1)
    if state is State.WAITING and task.question is None and done < len(PLAN):
        ask(session, task, make_step(session, task, done + 1, StepState.STARTED, tool="drill.once"))
    if state is State.PAUSED:
        make_event(session, task, "task.paused", submitted + timedelta(seconds=20))
    if state in TERMINAL:
        _end(session, task)
    session.flush()
    return task


def make_event(session: Session, task: Task, kind: str, at: datetime, **data: Any) -> Event:
    """The next event of the task's timeline."""
    task.event_count = (task.event_count or 0) + 1
    event = Event(subject_kind="task", subject_id=task.id, number=task.event_count, kind=kind, at=at, data=data)
    session.add(event)
    return event


def make_step(
    session: Session, task: Task, position: int, state: StepState = StepState.SUCCEEDED, **values: Any
) -> Step:
    """The step of the plan at this position (from 1), with its events; each takes four seconds."""
    key, stage, tool, title = PLAN[position - 1]
    begun = (task.started_at or now()) + timedelta(seconds=4 * (position - 1))
    facts: dict[str, Any] = {
        "key": key,
        "title": title,
        "stage": stage,
        "tool": tool,
        "arguments": {"file": f"src/{key}.py", "args": ["src/input"]},
        "epoch": task.epoch,
        "run_number": task.run_number,
        "started_at": begun,
    }
    if state is not StepState.STARTED:
        facts |= {
            "finished_at": begun + timedelta(seconds=3.6),
            "exit_code": 0 if state is StepState.SUCCEEDED else 1,
            "stdout": f"{key}: looked at 1790 files\n\x1b[32mok\x1b[0m <b>not bold</b>\n",
            "resources": {
                "wall_s": 3.6,
                "cpu_s": 3.1,
                "memory_peak_bytes": 48_000_000,
                "stdout_bytes": 60,
                "stderr_bytes": 0,
            },
            "changes": {"added": [f"output/{key}.csv"], "changed": [], "removed": []},
        }
    step = Step(task_id=task.id, position=position, state=state, **{**facts, **values})
    session.add(step)
    session.flush()
    if task.stage != stage or position == 1:
        task.stage = stage
        make_event(session, task, "stage.entered", begun, stage=stage)
    make_event(session, task, "step.started", begun, step=step.id, key=key, title=title, tool=tool, position=position)
    if step.finished_at is not None:
        told = {"key": key, "state": state, "exit_code": step.exit_code, "wall_s": 3.6}
        make_event(session, task, "step.finished", step.finished_at, step=step.id, **told)
        task.steps_done += 1 if state is StepState.SUCCEEDED else 0
    return step


def ask(session: Session, task: Task, step: Step) -> None:
    """Let the task ask what is to become of the step, which was cut off and must not be done twice."""
    told = {"kind": "once_cut", "step": step.id, "key": step.key, "title": step.title, "tool": step.tool}
    task.question = {**told, "choices": ["retry", "done", "fail"]}
    make_event(session, task, "task.asked", step.started_at + timedelta(seconds=9), question=task.question)


def ask_approval(session: Session, task: Task, tool: str = "files.write", **values: Any) -> Approval:
    """Let the waiting task, which then has no step that is open, ask whether a call may be made; or its whole plan."""
    arguments = values.pop(
        "arguments", {"path": "output/report.md", "text": "# Orders\n\nAll is well.\n", "append": False}
    )
    key, title = ("plan", task.title) if not tool else ("report", "Write the report")
    told = {"key": key, "tool": tool, "title": title, "arguments": arguments, **values}
    found = {"digest": digest(task, told["key"], tool, arguments), "risk": "low", "why": "The task's plan demands it."}
    approval = Approval(id=new_id(), task_id=task.id, epoch=task.epoch or 1, **{**found, **told})
    session.add(approval)
    session.flush()
    named = {name: getattr(approval, name) for name in ("key", "tool", "title", "arguments", "digest", "risk", "why")}
    choices = ["approve", "edit", "reject"] if tool else ["approve", "reject"]
    task.question = {"kind": "approval", "approval": approval.id, **named, "choices": choices}
    make_event(session, task, "task.asked", now(), question=task.question)
    return approval


def supersede(session: Session, task: Task, from_position: int) -> None:
    """Open the task again at that step, as a person's replay does; those from there on are history."""
    at = now()
    for step in session.scalars(select(Step).where(Step.task_id == task.id, Step.position >= from_position)):
        step.superseded_at = at
    task.epoch += 1
    task.run_number += 1
    title = PLAN[from_position - 1][3]
    make_event(session, task, "task.reopened", at, how="replay", epoch=task.epoch, kept=from_position - 1, title=title)
    make_event(session, task, "task.claimed", at, agent=task.agent, run=task.run_number, host="host")


def make_artifact(session: Session, task: Task, step: Step, path: str, media_type: str = "text/html") -> Artifact:
    """A file that the step left under output/."""
    artifact = Artifact(task_id=task.id, step_id=step.id, path=path, size_bytes=48_211, media_type=media_type)
    session.add(artifact)
    session.flush()
    return artifact


def every_state(session: Session) -> dict[str, Task]:
    """Three agents (green, yellow, red) and a task in every state, by the state's name."""
    scout = make_agent(session, "scout", 1, 5, description="Small and middling work")
    make_worker(session, scout)
    builder = make_agent(session, "builder", 4, 10)
    make_worker(session, builder, host_load=2.6, nodename="builder@host", pid=4243, cpu_percent=187.0)
    make_agent(session, "night-shift", 8, 10)
    found = {}
    for index, state in enumerate(State):
        begun = now() - timedelta(minutes=4 * (len(State) - index), seconds=20)
        title = f"{state.capitalize()}: analyse the table of orders, part {index + 1}"
        found[state.value] = make_task(
            session, state, done=2, title=title, agent=None if state is State.QUEUED else "scout", submitted_at=begun
        )
    return found


def every_plight(session: Session) -> dict[str, Task]:
    """A task that waits for its next attempt, that is being cancelled, that is to pause, that was replayed."""
    made = {
        plight: make_task(session, state, done=2, title=f"{plight.capitalize()}: count the orders", agent="scout")
        for plight, state in {
            "retrying": State.QUEUED, "cancelling": State.RUNNING, "pausing": State.RUNNING, "replayed": State.RUNNING,
        }.items()
    }  # fmt: skip
    retrying = made["retrying"]
    retrying.attempts, retrying.waits_until = 1, now() + timedelta(hours=2)
    told = {"code": "tool_failed", "attempt": 1, "attempts": 4, "delay_s": 7200.0, "message": "the line was cut"}
    make_event(session, retrying, "task.retry_planned", now(), **told)
    made["cancelling"].cancel_requested_at = now()
    made["pausing"].pause_requested_at = now()
    supersede(session, made["replayed"], 2)
    made |= approving(session)
    epoch, begun = made["replayed"].epoch, now()
    again = make_step(session, made["replayed"], 2, StepState.STARTED, epoch=epoch, attempt=2, started_at=begun)
    again.run_number = made["replayed"].run_number
    session.flush()
    return made


def approving(session: Session) -> dict[str, Task]:
    """Tasks that ask for an approval: of a call, and of a whole plan."""
    made = {}
    for plight, tool in {"approving": "files.write", "approving_plan": ""}.items():
        task = make_task(session, State.PAUSED, title="Tell how the orders went", agent="scout")
        task.state = State.WAITING
        ask_approval(session, task, tool, **(_CALL if tool else _WHOLE_PLAN))
        made[plight] = task
    return made


_CALL: dict[str, Any] = {
    "diff": "--- a/output/report.md\n+++ b/output/report.md\n@@ -1 +1 @@\n-Nothing yet.\n+All is well.\n",
    "expires_at": now() + timedelta(days=7),
}
_CALLS = [
    {"title": "Measure every file", "tool": "python.run", "arguments": {"code": "print(1)"}, "when": None},
    {"title": "Mail it", "tool": "drill.note_once", "arguments": {"key": "carol"}, "when": "{{ inputs.mail }}"},
]
_WHOLE_PLAN: dict[str, Any] = {"arguments": {"calls": _CALLS}, "risk": "high"}


def _begin(session: Session, task: Task, at: datetime) -> None:
    task.run_number = task.run_number or 1
    task.epoch = task.epoch or 1
    task.started_at = at
    task.steps_done = 0
    task.agent = task.agent or "scout"
    make_event(session, task, "task.claimed", at, agent=task.agent, run=task.run_number, host="host")
    make_event(session, task, "workspace.ready", at + timedelta(seconds=0.03), files=12, bytes=40_000, wall_ms=31)


def _break(session: Session, task: Task, position: int) -> None:
    reason = "orders.csv has 3 columns in line 1 and 5 in line 7"
    make_step(
        session, task, position, StepState.FAILED,
        error_code="exit_code", error_message=reason, stderr=f"Traceback (most recent call last):\nerror: {reason}\n",
    )  # fmt: skip
    task.error_code = "tool_failed"
    task.attempts = 3
    task.error_message = f"cannot finish the step “{PLAN[position - 1][3]}”: {reason}"


def _end(session: Session, task: Task) -> None:
    task.finished_at = (task.started_at or now()) + timedelta(seconds=21)
    if task.state is State.FAILED:
        task.dead_letter_at = task.finished_at
    if task.state is State.SUCCEEDED:
        task.stage = Stage.COMPLETE
    told: dict[str, Any] = {}
    if task.state is State.FAILED:
        told = {"code": task.error_code, "message": task.error_message}
    if task.state is State.CANCELLED:
        told = {"killed": 7, "after_s": 0.4}
    make_event(session, task, f"task.{task.state}", task.finished_at, **told)


def some_searches(session: Session, task: Task) -> dict[str, SearchQuery]:
    """A search that found pages, one that found nothing, and one that nobody answered."""
    options = {"kind": "news", "limit": 10, "page": 2, "since": "w", "region": "uk-en", "safe": "on"}
    found = [
        {"title": "On Tides & the Moon", "url": f"https://sea.example/{'tides-' * 30}", "snippet": "Twice a day.",
         "position": 1, "published": "2024-03-05T10:00:00Z"},
        {"title": "", "url": "https://ports.example/tables", "snippet": "", "position": 2, "published": None},
    ]  # fmt: skip
    said = {"options": {}, "digest": "", "is_cached": False}
    made = {
        "found": SearchQuery(
            query="how many tides a day", provider="duckduckgo", results=found, task_id=task.id,
            **{**said, "options": options, "is_cached": True},
        ),
        "nothing": SearchQuery(query="x" * 200, provider="searxng", results=[], **said),
        "failed": SearchQuery(
            query="moon", provider="duckduckgo", results=[],
            error="cannot search: DuckDuckGo wants no programs at the moment (HTTP 202)", **said,
        ),
    }  # fmt: skip
    session.add_all(made.values())
    session.flush()
    return made


def some_family(session: Session) -> dict[str, Task]:
    """A task that waits for its parts, which have parts of their own, and what was written to their channel."""
    asked = {"kind": "children", "key": "share_out", "title": "Share out", "children": ["a", "b"]}
    first = make_task(session, State.WAITING, done=1, title="Compare three suppliers", question=asked)
    first.root_id = first.id
    parts = [_part(session, first, "Supplier A: prices and terms", State.WAITING, question=asked)]
    parts += [_part(session, first, "Supplier B: prices and terms", State.FAILED)]
    last = _part(session, parts[0], "Read the price list of a supplier with a name that is long", State.RUNNING, done=2)
    _part(session, parts[0], "Read the terms", State.SUCCEEDED)
    said = ("The prices are net, in euros.", "Thanks. Add the delivery times where you find them.")
    for text, author, task in zip(said, ("agent:scout", "person:local"), (last, first), strict=True):
        event = make_event(session, first, "family.message", now(), text=text, from_task=task.id, title=task.title)
        event.author = author
    session.flush()
    return {"family": first, "part": parts[0], "last part": last}


def _part(session: Session, parent: Task, title: str, state: State, **values: Any) -> Task:
    above = {"parent_id": parent.id, "root_id": parent.root_id, "depth": parent.depth + 1}
    return make_task(session, state, title=title, **above, **values)


def some_services(session: Session) -> None:
    """An outside service that is left alone, one that failed once, one that has a rate."""
    for _ in range(circuit.OPENS_AFTER):
        circuit.went_wrong(session, "web:away.example:8443", circuit.Admitted(), "no answer in time")
    circuit.went_wrong(session, "packages:shaky.example", circuit.Admitted(), "HTTP 503")
    rate.take(session, "git:paced.example", rate.Rate.read("1/s"), circuit.TRIAL)
