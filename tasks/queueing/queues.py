"""The queues as people see them, and their rules: paused, or so many tasks at a time and no more.

A queue is there when a task waits or runs in it, a worker serves it or a rule is about it.  The rules count in the
claim itself (models/claim.py).  All of them at once: tasks/control/emergency.py.  Everything within `acting(…)`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select
from sqlalchemy.orm import Session, joinedload

from models.agent import SILENT_AFTER, Worker
from models.columns import new_id, now
from models.database import after_commit, insert_unless_there, reading, writing
from models.errors import InvalidInput, NotFound, Problem
from models.queue import EVERY, Queue
from models.scope import current, wide
from models.states import State
from models.task import Task
from tasks.queueing.waking import wake_queues
from tasks.timeline import record_of_queue

NAME = re.compile(r"complexity\.([1-9]|10)|(agent|capability)\.[^\s.*][^\s*]{0,99}")
COUNTED = 1_000
MOST_RUNNING = 10_000
LONGEST_REASON = 300


@dataclass(frozen=True)
class QueueView:
    """A queue as it is now; both counts are exact up to COUNTED."""

    name: str
    depth: int
    """Tasks that wait to be claimed; those that wait for their time are not in it."""
    running: int
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str
    max_running: int | None
    agents: list[str]
    """Names of the agents that serve it now."""
    workers: int
    """Workers that serve it and were heard of lately."""
    places: int
    """How many tasks these workers can run at a time, of this and their other queues together."""


def all_queues() -> list[QueueView]:
    """Every queue, levels first; one look into an index for each count, whatever number of tasks there is."""
    with reading() as session:
        rules = {rule.name: rule for rule in session.scalars(select(Queue).where(Queue.name != EVERY))}
        workers = _workers(session)
        served = {name for worker in workers for name in worker.queues}
        names = {*rules, *served, *_names(session, *_QUEUED), *_names(session, *_RUNNING)}
        return [_view(session, name, rules.get(name), workers) for name in sorted(names, key=_order)]


def one_queue(name: str) -> QueueView:
    """The queue of that name, which may be empty and without a rule.

    Raises:
        NotFound: no queue can have this name.
    """
    _check_name(name)
    with reading() as session:
        rule = session.scalars(select(Queue).where(Queue.name == name)).one_or_none()
        return _view(session, name, rule, _workers(session))


def pause(name: str, reason: str = "") -> QueueView:
    """Claim nothing more from the queue; what runs goes on.  A queue that is paused stays as it is.

    Raises:
        NotFound: no queue can have this name.
    """
    _check_name(name)
    with writing() as session:
        rule = rule_of(session, name)
        if rule.paused_at is None:
            rule.paused_at, rule.paused_by, rule.pause_reason = now(), current().author, reason.strip()[:LONGEST_REASON]
            session.flush()
            record_of_queue(session, rule.id, "queue.paused", reason=rule.pause_reason)
    return one_queue(name)


def resume(name: str) -> QueueView:
    """Claim from the queue again.

    Raises:
        NotFound: no queue can have this name.
    """
    _check_name(name)
    with writing() as session:
        rule = rule_of(session, name)
        if rule.paused_at is not None:
            rule.paused_at, rule.paused_by, rule.pause_reason = None, None, ""
            session.flush()
            record_of_queue(session, rule.id, "queue.resumed")
            after_commit(session, lambda: wake_queues([name]))
    return one_queue(name)


def limit(name: str, max_running: int | None) -> QueueView:
    """Let so many of its tasks run at the same time, on all hosts together; None: as many as there are places.

    Raises:
        NotFound: no queue can have this name.
        InvalidInput: the number is not between 1 and MOST_RUNNING.
    """
    _check_name(name)
    check_max_running(max_running)
    with writing() as session:
        rule = rule_of(session, name)
        before = rule.max_running
        if before != max_running:
            rule.max_running = max_running
            session.flush()
            record_of_queue(session, rule.id, "queue.limited", before=before, after=max_running)
            after_commit(session, lambda: wake_queues([name]))
    return one_queue(name)


def rule_of(session: Session, name: str) -> Queue:
    """The queue's row, made if there is none, locked until this transaction ends."""
    scope = current()
    values: dict[str, Any] = {"tenant": scope.tenant, "author": scope.author, "pause_reason": "", "event_count": 0}
    insert_unless_there(session, Queue, id=new_id(), name=name, **values)
    return session.scalars(select(Queue).where(Queue.name == name).with_for_update()).one()


def check_max_running(wanted: int | None) -> None:
    """Return only when so many may be allowed to run.

    Raises:
        InvalidInput: they may not.
    """
    if wanted is not None and not 1 <= wanted <= MOST_RUNNING:
        message = f"must be a whole number from 1 to {MOST_RUNNING}, or nothing for no limit; to let none run, pause it"
        raise InvalidInput("cannot limit it", problems=[Problem(path="max_running", message=message)])


_QUEUED = (Task.state == literal(State.QUEUED.value, literal_execute=True), Task.waits_until.is_(None))
_RUNNING = (Task.state == literal(State.RUNNING.value, literal_execute=True),)


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        known = "complexity.1 to complexity.10, agent.NAME or capability.NAME"
        raise NotFound(f"cannot find the queue: names are {known}", queue=name)


def _workers(session: Session) -> list[Worker]:
    """Those that were heard of lately."""
    heard = select(Worker).where(Worker.stopped_at.is_(None), Worker.last_seen_at > now() - SILENT_AFTER)
    return list(session.scalars(heard.options(joinedload(Worker.agent))))


def _names(session: Session, *conditions: ColumnElement[bool]) -> Iterator[str]:
    """The queues of tasks that meet the conditions; one look into the index for each."""
    last = ""
    while name := _look(session, select(func.min(Task.queue)).where(*conditions, Task.queue > last, *_own())):
        yield name
        last = name


def _own() -> Iterator[ColumnElement[bool]]:
    """That it is this tenant's, said so that no index of tenants is used; `_look` runs it.

    SQLite would take the index of tenant and state, which has every task of the state, whichever its queue; those of
    queues hold no tenant.
    """
    tenant = current().tenant
    if tenant is not None:
        yield Task.tenant.concat("") == tenant


def _look(session: Session, wanted: Select[Any]) -> Any:
    with wide(current().author):
        return session.scalar(wanted)


def _view(session: Session, name: str, rule: Queue | None, workers: list[Worker]) -> QueueView:
    serving = [worker for worker in workers if name in worker.queues]
    return QueueView(
        name=name,
        depth=_count(session, Task.queue == name, *_QUEUED),
        running=_count(session, Task.queue == name, *_RUNNING),
        paused_at=rule.paused_at if rule else None,
        paused_by=rule.paused_by if rule else None,
        pause_reason=rule.pause_reason if rule else "",
        max_running=rule.max_running if rule else None,
        agents=sorted({worker.agent.name for worker in serving}),
        workers=len(serving),
        places=sum(worker.concurrency for worker in serving),
    )


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    some = select(Task.number).where(*conditions, *_own()).limit(COUNTED + 1).subquery()
    return _look(session, select(func.count()).select_from(some)) or 0


def _order(name: str) -> tuple[int, int, str]:
    kind, _, rest = name.partition(".")
    kinds = ("complexity", "agent", "capability")
    return kinds.index(kind) if kind in kinds else len(kinds), int(rest) if rest.isdecimal() else 0, name
