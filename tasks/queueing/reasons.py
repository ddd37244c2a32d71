"""Why a task is still queued, in words, from what stands in the database, with what can be done about it.

The reasons are asked in the order in which they would hold the task up: its own time, what people paused, who could
take it, what people limited, and only then that others come first (expected_wait.py).  Every question is bounded.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from sqlalchemy import ColumnElement, Select, func, literal, select
from sqlalchemy.orm import joinedload

from models.agent import SILENT_AFTER, Agent, Worker
from models.columns import clock
from models.database import reading
from models.errors import ServiceUnavailable
from models.event import Event
from models.leadership import RECONCILER, is_led
from models.queue import EVERY, Queue
from models.run import Run
from models.states import State
from models.task import Task
from tasks.broker import BROKER_ERRORS, lengths
from tasks.queueing.expected_wait import Line, ahead_of, expected_wait, in_words
from tasks.runs.services import refusal_in

MOST_WORKERS = 1000
_NO_RECONCILER = "no reconciler is at work, which would see to that. Start one: python -m worker.reconciler"
_QUEUED_BY = ("task.submitted", "task.requeued", "task.retry_planned", "task.reopened")
_RUNNING = Task.state == literal(State.RUNNING.value, literal_execute=True)


def why_queued(task: Task) -> str:
    """A sentence or two for the person who waits; empty when the task is not queued.  Runs within `acting(…)`."""
    if task.state != State.QUEUED:
        return ""
    case = _look(task)
    reasons: tuple[Callable[[_Case], str], ...] = (
        _its_time, _everything_paused, _queue_paused, _nobody, _silent, _deaf, _agents_paused,
        _limits_of_queues, _limits_of_agents, _unpublished, _busy,
    )  # fmt: skip
    return next((said for reason in reasons if (said := reason(case))), "") or _next(case)


@dataclass
class _Case:
    """What is known about the task's surroundings, by the database's clock."""

    task: Task
    at: datetime
    workers: list[Worker]
    rules: dict[str, Queue]
    is_led: bool
    """Whether a reconciler is at work."""
    queued_by: Event | None
    """What put it into its queue last."""
    closed: set[str] = field(default_factory=set)
    """Agents that may not take another task now."""

    @cached_property
    def heard(self) -> list[Worker]:
        return [each for each in self.workers if self.at - each.last_seen_at <= SILENT_AFTER]

    @property
    def able(self) -> list[Worker]:
        """Workers that would take it, had they a free place."""
        return [each for each in self.heard if each.deaf_since is None and each.agent.name not in self.closed]


def _look(task: Task) -> _Case:
    alive = select(Worker).where(Worker.stopped_at.is_(None)).options(joinedload(Worker.agent)).limit(MOST_WORKERS)
    rules = select(Queue).where(Queue.name.in_([task.queue, EVERY]))
    with reading() as session:
        at = clock(session.connection())
        workers = [each for each in session.scalars(alive) if task.queue in each.queues]
        found = {rule.name: rule for rule in session.scalars(rules)}
        queued_by = session.scalars(_newest(task)).one_or_none()
        return _Case(task, at, workers, found, is_led(session, RECONCILER), queued_by)


def _newest(task: Task) -> Select[Event]:
    mine = select(Event).where(Event.subject_id == task.id, Event.kind.in_(_QUEUED_BY))
    return mine.order_by(Event.number.desc()).limit(1)


def _its_time(case: _Case) -> str:
    until = case.task.waits_until
    if until is None:
        return ""
    when = f"{until:%Y-%m-%d %H:%M:%S} UTC, in {in_words((until - case.at).total_seconds())}"
    if until <= case.at:
        when = f"{until:%Y-%m-%d %H:%M:%S} UTC, which is now"
        if not case.is_led:
            return f"Its time came at {until:%Y-%m-%d %H:%M:%S} UTC, but {_NO_RECONCILER}"
    if case.queued_by is not None and case.queued_by.data.get("code") == ServiceUnavailable.code:
        return _of_service(str(case.queued_by.data.get("message", "")), when)
    if case.task.attempts:
        return f"Its attempt {case.task.attempts} failed; the next begins at {when}."
    return f"It was submitted to start at {when}."


def _of_service(message: str, when: str) -> str:
    name, is_crowded = refusal_in(message)
    why = f"Too many calls wait for {name} already" if is_crowded else f"{name} failed again and again"
    left = "It is asked again" if is_crowded else "It is left alone"
    until = f"at {when}" if is_crowded else f"until {when}"
    return f"{why}. {left} {until}; this uses no attempt."


def _everything_paused(case: _Case) -> str:
    rule = case.rules.get(EVERY)
    if rule is None or rule.paused_at is None:
        return ""
    return f"Everything was stopped {_by_whom(rule)}. It goes on when the emergency stop is released."


def _queue_paused(case: _Case) -> str:
    rule = case.rules.get(case.task.queue)
    if rule is None or rule.paused_at is None:
        return ""
    return f"The queue {rule.name} was paused {_by_whom(rule)}. It goes on when the queue is resumed."


def _by_whom(rule: Queue) -> str:
    name = (rule.paused_by or "").partition(":")[2] or "somebody"
    why = f": {rule.pause_reason.rstrip('.')}" if rule.pause_reason else ""
    return f"at {rule.paused_at:%Y-%m-%d %H:%M:%S} UTC by {name}{why}"


def _nobody(case: _Case) -> str:
    if case.workers:
        return ""
    kind, _, name = case.task.queue.partition(".")
    if kind == "agent":
        start = f"celery -A worker worker --agent {name}"
        return f"It is meant for the agent {name}, which is not running. Start it: {start}"
    if kind == "capability":
        start = f"celery -A worker worker --agent NAME -Q {case.task.queue}"
        return f"No running agent has the capability {name}. Start one: {start}"
    start = f"celery -A worker worker --agent NAME --complexity {case.task.complexity}"
    return f"No running agent takes complexity {case.task.complexity}. Start one: {start}"


def _silent(case: _Case) -> str:
    if case.heard:
        return ""
    last = max(worker.last_seen_at for worker in case.workers)
    hosts = ", ".join(sorted({worker.host for worker in case.workers}))
    return (
        f"{_names(case.workers)} would take it, but was not heard of for {in_words((case.at - last).total_seconds())}. "
        f"Look at the host {hosts}: the worker has died with it or is stopped, or cannot reach the database."
    )


def _deaf(case: _Case) -> str:
    since = [worker.deaf_since for worker in case.heard if worker.deaf_since is not None]
    if len(since) < len(case.heard):
        return ""
    return (
        f"{_names(case.heard)} is connected, but takes nothing since {min(since):%H:%M:%S} UTC. "
        "Its consumer is being restarted; if that does not help within a minute, start the worker anew."
    )


def _agents_paused(case: _Case) -> str:
    paused = {worker.agent.name for worker in case.heard if worker.agent.paused_at is not None}
    case.closed |= paused
    if case.able or not paused:
        return ""
    return f"{', '.join(sorted(paused))} would take it, but is paused. It goes on when the agent is resumed."


def _limits_of_queues(case: _Case) -> str:
    for rule in case.rules.values():
        running = _RUNNING if rule.name == EVERY else _RUNNING & (Task.queue == rule.name)
        if rule.max_running is None or (count := _count(running)) < rule.max_running:
            continue
        what = "of all queues" if rule.name == EVERY else f"of the queue {rule.name}"
        cure = "It starts when one of them ends, or the limit is raised."
        return f"The limit {what} is reached: {count} of {rule.max_running} tasks are running. {cure}"
    return ""


def _limits_of_agents(case: _Case) -> str:
    agents = {worker.agent.name: worker.agent for worker in case.able}
    full = {name: said for name, agent in agents.items() if (said := _full(agent))}
    case.closed |= set(full)
    if case.able or not full:
        return ""
    return f"{'; '.join(full.values())}. It starts when one of them ends, or the limit is raised."


def _full(agent: Agent) -> str:
    if agent.max_running is None or (count := _count(_RUNNING & (Task.agent == agent.name))) < agent.max_running:
        return ""
    return f"The limit of the agent {agent.name} is reached: {count} of {agent.max_running} tasks are running"


def _unpublished(case: _Case) -> str:
    if case.task.published_at is not None:
        return ""
    if not case.is_led:
        return f"The broker was not told of it yet, and {_NO_RECONCILER}"
    if case.queued_by is not None and case.queued_by.kind == "task.requeued" and _is_broker_there(case):
        how = "was stopped" if str(case.queued_by.data.get("reason", "")).endswith("was stopped") else "died"
        return f"The process that ran it {how}. It goes on as soon as an agent takes it."
    return "The broker has not been reached yet; the task is kept and is published as soon as it answers."


def _busy(case: _Case) -> str:
    places = sum(worker.concurrency for worker in case.able)
    running = select(Run.id).where(Run.ended_at.is_(None), Run.worker_id.in_([worker.id for worker in case.able]))
    with reading() as session:
        busy = session.scalar(select(func.count()).select_from(running.limit(places).subquery())) or 0
        if busy < places:
            return ""
        ahead = ahead_of(session, case.task)
        expected = expected_wait(session, Line(case.task.queue, ahead, places))
    taken = "The one place" if places == 1 else f"All {places} places"
    verb = "is" if places == 1 else "are"
    return f"{taken} of {_names(case.able)} {verb} taken; {ahead.in_words}. {expected}"


def _next(case: _Case) -> str:
    """Somebody is free: it is a matter of moments, if only the wake-up arrives."""
    if not _is_broker_there(case):
        return "The broker does not answer, so nobody is woken. Start it, or look after it: bin/opscore doctor"
    with reading() as session:
        ahead = ahead_of(session, case.task)
    names = _names(case.able)
    return f"{names} is free and takes it next." if not ahead.count else f"{names} takes it soon; {ahead.in_words}."


def _is_broker_there(case: _Case) -> bool:
    try:
        lengths([case.task.queue])
    except BROKER_ERRORS:
        return False
    return True


def _names(workers: Iterable[Worker]) -> str:
    return ", ".join(sorted({worker.agent.name for worker in workers}))


def _count(which: ColumnElement[bool]) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Task).where(which)) or 0
