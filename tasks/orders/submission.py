"""Accept a task: check all of it, write it with its first event, then wake its queue.

The message is sent only after the commit.  A broker that is down is no error for the person
who submits: the row stands and is published later.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

import settings
from models import event, scope
from models.agent import Agent
from models.columns import clock, new_id, now
from models.database import after_commit, reading, writing
from models.errors import Conflict, InvalidInput, NotFound, Problem
from models.plan import keep_plan
from models.task import Task
from models.workspace import UploadUse
from tasks import live
from tasks.broker import publish
from tasks.orders import model_order, timing, unpriced
from tasks.orders.inputs import find_source, named_upload, source_field
from tasks.orders.timing import Timing
from tasks.plans import catalog, retry_fields
from tasks.plans.kept import AnyPlan, parsed
from tasks.plans.model_plan import BudgetFields, ModelPlan
from tasks.plans.plan_text import parse
from tasks.plans.playbook import check_inputs, with_defaults
from tasks.runs.outcome import clean
from tasks.spending import budgets
from tools import limits, triggers

# What one level of priority is worth: nothing starves, since waiting counts too.
HEAD_START = timedelta(minutes=10)
SAMPLE = "survey-code-base"
# Fields that orders of earlier versions did not have: unless they say something, a request stays the same.
LATER = (
    "start_at", "delay", "deadline", "retry", "cloned_from",
    "tools", "model", "budget", "approvals", "promises", "instructions",
)  # fmt: skip
LONGEST_FIRST_LINE = 100


@dataclass(frozen=True)
class Order:
    """What somebody asks for: a template by its slug, a plan as text, or the plan of `cloned_from`.

    With none of them a model works on what title and description say.
    """

    template: str | None = None
    playbook: str | None = None
    """YAML or JSON; a model plan too."""
    inputs: dict[str, Any] = field(default_factory=dict)
    title: str | None = None
    description: str = ""
    complexity: int | None = None
    priority: int = 4
    agent: str | None = None
    limits: dict[str, Any] = field(default_factory=dict)
    """As people write them: `{"memory": "512 MiB"}`; each step may use this at most."""
    idempotency_key: str | None = None
    start_at: str | None = None
    """Not before this time, with its zone; see tasks/orders/timing.py for how people write times."""
    delay: str | float | None = None
    """Not before so long from now."""
    deadline: str | float | None = None
    """Fails unless it has ended by this time, or so long after its start."""
    retry: dict[str, Any] = field(default_factory=dict)
    """As people write it: `{"attempts": 5}`; what holds for the fields of tasks/plans/retry_fields.py that it names."""
    cloned_from: str | None = None
    """Id of the task that it was made like; see tasks/orders/cloning.py."""
    approvals: list[str] = field(default_factory=list)
    """Tools whose calls a person must approve, or `plan`; besides those of the plan."""
    tools: list[str] | None = None
    """Of a model plan, as all that follows: the tools that it may use; None: those of the template."""
    model: str | list[str] | None = None
    """`provider/model`; of several the first that answers."""
    budget: dict[str, Any] = field(default_factory=dict)
    """What may be spent: tokens, cost (US dollars), calls, wall_s."""
    promises: list[str | dict[str, Any]] = field(default_factory=list)
    """Paths of files that it must leave, or `{"path": …, "check": …}`."""
    instructions: str = ""
    """For the model, besides the description."""


@dataclass(frozen=True)
class Prepared:
    """A task that may be written, and the plan that it follows."""

    task: Task
    plan: dict[str, Any]
    upload_id: str | None = None
    """The upload that it works on."""


@dataclass(frozen=True)
class Submitted:
    """The task, and whether this call made it; a repeated call finds the first one's."""

    task: Task
    is_new: bool


def submit(order: Order) -> Submitted:
    """Write the task and wake its queue.  Runs within `acting(…)`.

    Raises:
        InvalidInput: its `problems` name every field that is wrong.
        Conflict: the idempotency key was used for another request.
    """
    digest = _digest(order)
    earlier = _earlier(order, digest)
    if earlier is not None:
        return Submitted(earlier, is_new=False)
    prepared = prepare(order)
    _must_be_payable(prepared, order.agent)
    try:
        with writing() as session:
            return Submitted(write(session, prepared), is_new=True)
    except IntegrityError:
        # Two calls with one key at the same time: the other was first.
        earlier = _earlier(order, digest)
        if earlier is None:
            prepare(order)  # says so when the upload was deleted meanwhile
            raise
        return Submitted(earlier, is_new=False)


def prepare(order: Order, schedule_id: str | None = None) -> Prepared:
    """Check all of the order; nothing is written yet.  Runs within `acting(…)`.

    Raises:
        InvalidInput: its `problems` name every field that is wrong.
    """
    original = _original(order)
    plan, wrong_plan = model_order.read(order, _plan(order, original))
    inputs = with_defaults(plan, order.inputs)
    times, wrong_times = _timing(order)
    found = [*_problems(order), *wrong_plan, *wrong_times, *check_inputs(plan, inputs)]
    known = {each["path"] for each in found}
    found += [each for each in _problem_of_source(plan, inputs) if each["path"] not in known]
    if found:
        raise InvalidInput("cannot submit this task", problems=found)
    task = _task(order, plan, inputs, times)
    task.schedule_id = schedule_id
    task.cloned_from_id = order.cloned_from
    if original is not None and not order.template and not order.playbook:
        task.template, task.template_version = original.template, original.template_version
    return Prepared(task, plan.model_dump(mode="json", by_alias=True), named_upload(plan, inputs))


def write(session: Session, prepared: Prepared, **told: Any) -> Task:
    """Write the task with its first event, which says what is `told`; its queue is woken after the commit."""
    task = prepared.task
    task.plan_id = keep_plan(session, prepared.plan)
    session.add(task)
    session.flush()
    if prepared.upload_id is not None:
        session.add(UploadUse(upload_id=prepared.upload_id, task_id=task.id))
    if prepared.plan.get("kind") == "model":
        budgets.open_for(session, task, BudgetFields.model_validate(prepared.plan.get("budget", {})))
    told = {"queue": task.queue, "title": task.title, **told}
    if task.cloned_from_id is not None:
        told["cloned_from"] = task.cloned_from_id
    if task.waits_until is not None:
        told["waits_until"] = task.waits_until.isoformat()
    event.record(session, "task", task.id, 1, "task.submitted", task.tenant, **told)
    after_commit(session, lambda: live.hint("task", task.id, 1))
    if task.waits_until is None:
        after_commit(session, lambda: _publish(task))
    triggers.at("submit.before_commit")
    return task


def submit_sample() -> str:
    """Submit the sample task over the first allowed root, the Python standard library unless told otherwise."""
    with scope.acting("person:local"):
        source = str(settings.load().input_roots[0])
        field_name = source_field(catalog.find(SAMPLE).plan) or "source"
        order = Order(template=SAMPLE, inputs={field_name: source}, title="Survey the Python standard library")
        return submit(order).task.id


def _must_be_payable(prepared: Prepared, agent: str | None) -> None:
    """Of a part the family's budgets may limit what its own does not: only a task of its own is looked at."""
    plan = parsed(prepared.plan)
    if isinstance(plan, ModelPlan) and (found := unpriced.problems(plan, agent, prepared.task.complexity)):
        raise InvalidInput("cannot submit this task", problems=found)


def _original(order: Order) -> Task | None:
    """The task that it is cloned from."""
    if order.cloned_from is None:
        return None
    with reading() as session:
        mine = select(Task).where(Task.id == order.cloned_from).options(joinedload(Task.plan))
        found = session.scalars(mine).one_or_none()
    if found is None:
        raise _wrong("cloned_from", "there is no such task")
    return found


def _plan(order: Order, original: Task | None) -> AnyPlan:
    if original is not None and not order.template and not order.playbook:
        return parsed(original.plan.content)
    if order.template and order.playbook:
        raise _wrong("template", "name a template or hand in a plan, one of the two")
    if order.template:
        return _of_template(order.template)
    if order.playbook:
        return _of_text(order.playbook)
    if not order.description.strip() and not (order.title or "").strip():
        raise _wrong("template", "name a template, hand in a plan, or say in `description` what an agent shall do")
    return model_order.asked()


def _of_template(slug: str) -> AnyPlan:
    try:
        return catalog.find(slug).plan
    except NotFound as error:
        known = ", ".join(error.details["known"])
        raise _wrong("template", f"there is no such template; there are {known}") from error


def _of_text(text: str) -> AnyPlan:
    try:
        return parse(text)
    except InvalidInput as error:
        found = [Problem(**{**each, "path": f"playbook.{each['path']}".rstrip(".")}) for each in error.problems]
        raise InvalidInput("cannot submit this task", problems=found) from error


def _wrong(path: str, message: str) -> InvalidInput:
    return InvalidInput("cannot submit this task", problems=[Problem(path=path, line=None, message=message)])


def _problems(order: Order) -> list[Problem]:
    found = [
        Problem(path=name, line=None, message="holds a character or number that cannot be kept: NUL, half a pair, NaN")
        for name, value in asdict(order).items()
        if value != clean(value)
    ]
    if order.complexity is not None and not 1 <= order.complexity <= 10:
        found.append(Problem(path="complexity", line=None, message="must be a whole number from 1 to 10"))
    if not 0 <= order.priority <= 9:
        found.append(Problem(path="priority", line=None, message="must be a whole number from 0 to 9"))
    if len(order.title or "") > 200:
        found.append(Problem(path="title", line=None, message="must have 200 characters at most"))
    if order.agent and order.agent not in (names := _agents()):
        known = f"; there are {', '.join(names)}" if names else "; none has started yet"
        found.append(Problem(path="agent", line=None, message=f"there is no agent {order.agent}{known}"))
    return [*found, *limits.problems(order.limits), *retry_fields.problems(order.retry)]


def _timing(order: Order) -> tuple[Timing, list[Problem]]:
    if not timing.says_something(order.start_at, order.delay, order.deadline):
        return Timing(), []
    with reading() as session:
        at = clock(session.connection())
    return timing.read(order.start_at, order.delay, order.deadline, at)


def _agents() -> list[str]:
    with reading() as session:
        return sorted(session.scalars(select(Agent.name)))


def _problem_of_source(plan: AnyPlan, inputs: dict[str, Any]) -> list[Problem]:
    try:
        find_source(settings.load(), plan, inputs)
    except InvalidInput as error:
        return error.problems
    return []


def _task(order: Order, plan: AnyPlan, inputs: dict[str, Any], times: Timing) -> Task:
    submitted_at = now()
    complexity = order.complexity or plan.complexity
    return Task(
        id=new_id(),
        title=clean(_title(order, plan)),
        description=order.description or clean(plan.description),
        complexity=complexity,
        priority=order.priority,
        template=order.template,
        template_version=plan.version if order.template else None,
        inputs=inputs,
        limits=limits.read(order.limits),
        retry=retry_fields.read(order.retry),
        queue=f"agent.{order.agent}" if order.agent else f"complexity.{complexity}",
        rank_at=(times.waits_until or submitted_at) - order.priority * HEAD_START,
        waits_until=times.waits_until,
        deadline_at=times.deadline_at,
        submitted_at=submitted_at,
        published_at=None if times.waits_until else submitted_at,
        stage=plan.stages[0],
        steps_total=len(plan.steps),
        event_count=1,
        idempotency_key=order.idempotency_key,
        request_digest=_digest(order),
    )


def _title(order: Order, plan: AnyPlan) -> str:
    """What people see: as somebody wrote it, else how the description begins."""
    written = (order.title or "").strip() or plan.title.strip()
    if written or not isinstance(plan, ModelPlan) or not order.description.strip():
        return written or plan.name
    first = order.description.strip().splitlines()[0].strip()
    return first if len(first) <= LONGEST_FIRST_LINE else f"{first[: LONGEST_FIRST_LINE - 1].rstrip()}…"


def _publish(task: Task) -> None:
    triggers.at("submit.between_commit_and_publish")
    if not publish(task.id, task.tenant, task.queue):
        task.published_at = None


def _digest(order: Order) -> str:
    said = {name: value for name, value in asdict(order).items() if name not in LATER or value}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _earlier(order: Order, digest: str) -> Task | None:
    if not order.idempotency_key:
        return None
    with reading() as session:
        found = session.scalars(select(Task).where(Task.idempotency_key == order.idempotency_key)).one_or_none()
    if found is not None and found.request_digest != digest:
        raise Conflict("cannot use this idempotency key again: it belongs to another request", task_id=found.id)
    return found
