"""What stands in the form of a new task: read from what was sent, shown again, made into an order.

The fields of the inputs: schema_form.py.  The pages: pages/new_task.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any, BinaryIO, cast
from zoneinfo import ZoneInfo, available_timezones

from flask import current_app
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from models.agent import Agent
from models.columns import new_id
from models.database import db
from models.errors import InvalidInput, Problem
from models.states import State
from models.task import Task
from models.workspace import Upload
from tasks.approvals.card import tools_of
from tasks.orders import uploads
from tasks.orders.cloning import like
from tasks.orders.inputs import UPLOAD
from tasks.orders.submission import HEAD_START, Order
from tasks.plans import retry_fields
from tasks.plans.plan_fields import PlanFields
from tasks.runs.limits import before_a_task
from tools import quantities
from webapp import glance, limit_form, schema_form
from webapp.amounts import utc
from webapp.pages.task import checked_id
from webapp.thinking_form import Thinking

NORMAL_PRIORITY = 4
PRIORITIES = {0: "When nothing else waits", 2: "Low", 4: "Normal", 6: "High", 9: "Before all others"}
LOOKED_AT = 200
LONGEST_REFUSAL = 300
RETRY = "retry."
ASKS = "asks."


@dataclass
class Draft:
    """A task that is being written."""

    title: str = ""
    description: str = ""
    complexity: int | None = None
    priority: int = NORMAL_PRIORITY
    agent: str = ""
    limits: dict[str, str] = field(default_factory=dict)
    """As they were typed, by their names; those that were left empty are not in it."""
    start_at: str = ""
    """A local time, in `zone`."""
    zone: str = "UTC"
    delay: str = ""
    deadline: str = ""
    left_out: str = ""
    """The deadline of the task that is run again, where it is not this one's."""
    retry: dict[str, str] = field(default_factory=dict)
    """As typed, like the limits."""
    inputs: dict[str, Any] = field(default_factory=dict)
    cloned_from: str = ""
    """Id of the task that is run again."""
    asks: list[str] = field(default_factory=list)
    """Before which tools' calls of a playbook a person is asked; `plan` for the whole.  What it asks itself stays."""
    thinking: Thinking | None = None
    """What is said about a model's work; None for a playbook."""
    key: str = field(default_factory=new_id)
    """Handing the same form in twice makes one task."""
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def like(cls, task: Task) -> "Draft":
        """Filled in as the task was."""
        same = like(task)
        typed = limit_form.as_typed(same.limits)
        about = (same.title or "", same.description, same.complexity, same.priority, same.agent or "", typed)
        draft = cls(*about, retry=retry_as_typed(same.retry), inputs=same.inputs, cloned_from=task.id)
        if task.deadline_at is not None:
            draft.deadline = _span_of(task, task.deadline_at)
            draft.left_out = "" if draft.deadline else utc(task.deadline_at)
        return draft

    @classmethod
    def sent(cls, playbook: PlanFields | None, form: Mapping[str, str], files: Mapping[str, FileStorage]) -> "Draft":
        """What was sent; files that came with the form itself are kept as uploads now."""
        draft = cls(
            title=form.get("title", "").strip(),
            description=form.get("description", "").strip(),
            complexity=_whole(form.get("complexity", "")),
            priority=_whole(form.get("priority", ""), NORMAL_PRIORITY) or 0,
            agent=form.get("agent", ""),
            limits={name: value for name, value in limit_form.sent(form).items() if value},
            start_at=form.get("start_at", "").strip(),
            zone=form.get("zone", "UTC"),
            delay=form.get("delay", "").strip(),
            deadline=form.get("deadline", "").strip(),
            retry=_retry(form),
            cloned_from=form.get("cloned_from", ""),
            asks=[name.removeprefix(ASKS) for name in form if name.startswith(ASKS)],
            key=form.get("key") or new_id(),
        )
        if playbook is not None:
            fields = schema_form.fields_of(playbook.inputs, {})
            draft.inputs = schema_form.inputs_of(fields, {**form, **_sources(fields, form)})
            for each in fields:
                draft._keep_file(each, files.get(f"file.{each.name}"))
                draft._keep_refusal(each, form)
        return draft

    def fields(self, playbook: PlanFields) -> list[schema_form.Field]:
        """The fields of the inputs, with their values and problems."""
        fields = schema_form.fields_of(playbook.inputs, self.inputs)
        schema_form.show_problems(fields, self.problems)
        return fields

    def order(self, template: str | None, playbook: str | None, *, with_key: bool = True) -> Order:
        """The draft as an order for tasks.orders.submission: of a template, or of a playbook's text."""
        return Order(
            template=template,
            playbook=playbook,
            inputs=self.inputs,
            title=self.title or None,
            description=self.description,
            complexity=self.complexity,
            priority=self.priority,
            agent=self.agent or None,
            limits=dict(self.limits),
            cloned_from=checked_id(self.cloned_from) if self.cloned_from else None,
            start_at=_with_zone(self.start_at, self.zone) or None,
            delay=self.delay or None,
            deadline=self.deadline or None,
            retry=dict(self.retry),
            idempotency_key=f"form:{self.key}" if with_key else None,
            **(self.thinking.order_fields() if self.thinking and not playbook else {"approvals": list(self.asks)}),
        )

    @property
    def has_times(self) -> bool:
        """Whether the form says something about when, or how often."""
        return bool(self.start_at or self.delay or self.deadline or self.left_out or self.retry)

    def problem_of(self, name: str) -> str:
        """What is wrong with a field that is not an input."""
        return next((limit_form.begun(each["message"]) for each in self.problems if each["path"] == name), "")

    def problem_within(self, name: str) -> str:
        """What is wrong with one of the values of a field that has many."""
        inside = (f"{name}[", f"{name}.")
        found = (each for each in self.problems if each["path"] == name or each["path"].startswith(inside))
        return next((limit_form.begun(each["message"]) for each in found), "")

    def _keep_file(self, each: schema_form.Field, file: FileStorage | None) -> None:
        if each.kind != "source" or file is None or not file.filename:
            return
        try:
            self.inputs[each.name] = f"{UPLOAD}{uploads.store(file.filename, cast(BinaryIO, file.stream)).id}"
        except InvalidInput as error:
            message = error.problems[0]["message"] if error.problems else error.message
            self.problems.append(Problem(path=f"inputs.{each.name}", line=None, message=message))

    def _keep_refusal(self, each: schema_form.Field, form: Mapping[str, str]) -> None:
        """Say again why the upload was refused that the person tried in the form; it is not that none was chosen."""
        refused = form.get(f"refused.{each.name}", "")[:LONGEST_REFUSAL]
        if each.kind == "source" and refused and not self.inputs.get(each.name):
            message = f"the file was not taken: {refused}"
            self.problems.append(Problem(path=f"inputs.{each.name}", line=None, message=message))


def _sources(fields: list[schema_form.Field], form: Mapping[str, str]) -> dict[str, str]:
    """The value of each source: of the upload or the path, as the person chose."""
    return {
        each.key: form.get(f"{'host' if form.get(f'from.{each.name}') == 'host' else 'upload'}.{each.name}", "")
        for each in fields
        if each.kind == "source"
    }


def _retry(form: Mapping[str, str]) -> dict[str, str]:
    typed = {name: form.get(RETRY + name, "").strip() for name in retry_fields.BY_NAME}
    return {name: text for name, text in typed.items() if text}


def retry_as_typed(kept: Mapping[str, Any]) -> dict[str, str]:
    """What is kept about retries as somebody would type it."""
    return {name: ", ".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in kept.items()}


def _span_of(task: Task, deadline_at: datetime) -> str:
    """How long after its start the task had to be done; empty where the deadline was written as a moment.

    A moment is written in whole seconds; what was counted from the clock never is, and is off by what checking took.
    """
    if deadline_at.microsecond == 0:
        return ""
    seconds = (deadline_at - task.rank_at - task.priority * HEAD_START).total_seconds()
    step = 1 if seconds < 60 else 5
    return quantities.shown(max(round(seconds / step), 1) * step, quantities.Measure.SECONDS)


def _with_zone(local: str, zone: str) -> str:
    """The time with its offset; as it was typed where it is none, which is then said."""
    try:
        at = datetime.fromisoformat(local)
    except ValueError:
        return local
    return at.replace(tzinfo=ZoneInfo(zone if zone in available_timezones() else "UTC")).isoformat()


def _whole(text: str, otherwise: int | None = None) -> int | None:
    return int(text) if text.lstrip("-").isdecimal() else otherwise


def form_words() -> dict[str, Any]:
    """What the form's templates ask for: agents, allowed folders, priorities, the name of an upload."""
    return {
        "tools_of": tools_of,
        "agent_lights": lambda: glance.agents(db.session()),
        "agent_names": lambda: db.session.scalars(select(Agent.name).order_by(Agent.name)).all(),
        "input_roots": lambda: [str(root) for root in current_app.config["OPSCORE"].input_roots],
        "upload_limit": lambda: current_app.config["OPSCORE"].upload_max_bytes,
        "limits_before": lambda playbook, has_template: (
            before_a_task(current_app.config["OPSCORE"], playbook, has_template=has_template).all
        ),
        "priorities": PRIORITIES,
        "retry_fields": retry_fields.FIELDS,
        "upload_of": upload_of,
    }


def upload_of(value: str) -> Upload | None:
    """The upload that an input's value names."""
    if not value.startswith(UPLOAD):
        return None
    return db.session.scalars(select(Upload).where(Upload.id == checked_id(value.removeprefix(UPLOAD)))).one_or_none()


def durations() -> dict[str, float]:
    """How many seconds each template usually took lately, for those that ran lately."""
    ended = select(Task.template, Task.state, Task.started_at, Task.finished_at).where(Task.finished_at.is_not(None))
    taken: dict[str, list[float]] = {}
    for slug, state, begun, done in db.session.execute(ended.order_by(Task.finished_at.desc()).limit(LOOKED_AT)):
        if slug and state == State.SUCCEEDED and begun is not None and done is not None:
            taken.setdefault(slug, []).append((done - begun).total_seconds())
    return {slug: median(each) for slug, each in taken.items()}
