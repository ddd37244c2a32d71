"""Hand parts of a task on: make its children once, however often the call is repeated; open failed ones again.

A child is known by its parent, the step that asked, its place in the call and what was asked.  A retry of the parent
goes on with the children that there are: those that succeeded are kept, the others are opened again.  A replay asks
anew.  What may be handed on: bounds.py.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.budget import Budget, BudgetKind
from models.claim import Fenced
from models.database import reading, writing
from models.event import Event
from models.states import State
from models.task import Task
from tasks.control.one_task import pause_in, retry_in
from tasks.control.repetition import once
from tasks.control.standing import written
from tasks.family import bounds, handed, sources
from tasks.family.asker import Asker
from tasks.family.line import Line, line_of
from tasks.family.parts import prepared
from tasks.family.tree import family_of, locked_in_order
from tasks.keeping import leftovers
from tasks.orders.submission import Prepared, write
from tasks.plans.kept import AnyPlan, parsed, plan_of
from tasks.plans.model_plan import BudgetFields, ModelPlan
from tasks.plans.plan_fields import WHOLE_PLAN
from tasks.spending.budgets import open_for
from tools import triggers
from tools.workspace import Workspace


@dataclass(frozen=True)
class _Made:
    """A part that was checked and may be written."""

    key: str
    index: int
    """Its place in the call."""
    part: Mapping[str, Any]
    prepared: Prepared
    plan: AnyPlan


def children_of(asker: Asker, wanted: Sequence[Mapping[str, Any]], workspace: Workspace) -> list[Task]:
    """The children of this call, in its order; made now if they were not made before.

    Raises:
        InvalidInput: its `problems` name what is wrong with which part.
        Conflict: the family is too deep or too large.
        Fenced: another run has the task that asks, or it is to be cancelled.
    """
    with reading() as session:
        parent = _row(session, asker.task_id)
        keys = [_key(asker, _since(session, parent), index, part) for index, part in enumerate(wanted)]
        found = _with_keys(session, keys)
    if len(found) < len(set(keys)):
        _make(asker, parent, {key: index for index, key in enumerate(keys) if key not in found}, wanted, workspace)
    with writing() as session:
        found = _with_keys(session, keys)
        unfit = [child.id for child in found.values() if _is_unfit(session, asker, child)]
        # All at once: whoever locks several of a family does it in this order.
        for child in locked_in_order(session, select(Task).where(Task.id.in_(unfit))):
            found[str(child.idempotency_key)] = _opened_again(session, asker, child)
    return [found[key] for key in keys]


def _key(asker: Asker, since: int, index: int, part: Mapping[str, Any]) -> str:
    said = json.dumps([asker.task_id, since, asker.step_key, index, part], sort_keys=True, default=str)
    return f"team:{hashlib.sha256(said.encode()).hexdigest()}"


def _since(session: Session, parent: Task) -> int:
    """The epoch from which on the parent's children are kept: that of its last replay, or its first."""
    if parent.epoch == 1:
        return 1
    opened = select(Event).where(Event.subject_id == parent.id, Event.kind == "task.reopened")
    replays = [each.data for each in session.scalars(opened) if each.data.get("how") == "replay"]
    return max((int(each.get("epoch") or 1) for each in replays), default=1)


def _with_keys(session: Session, keys: Sequence[str]) -> dict[str, Task]:
    found = session.scalars(select(Task).where(Task.idempotency_key.in_(keys)))
    return {str(task.idempotency_key): task for task in found}


def _make(
    asker: Asker, parent: Task, missing: Mapping[str, int], wanted: Sequence[Mapping[str, Any]], workspace: Workspace
) -> None:
    bounds.must_not_be_too_deep(parent)
    with reading() as session:
        line = line_of(session, parent)
    with sources.taken(workspace) as files:
        made = [_checked(line, key, index, wanted[index], files) for key, index in missing.items()]
        parts = [(each.index, each.prepared.task, each.plan) for each in made]
        if found := bounds.problems(line, parts, files.values):
            raise bounds.refused(found)
        with leftovers.handing([each.prepared.task.id for each in made if each.part.get("files")]):
            for each in made:
                handed.keep(each.prepared.task.id, each.index, each.part.get("files", ()), workspace)
            _write_all(asker, line, made)


def _checked(line: Line, key: str, index: int, part: Mapping[str, Any], files: sources.Sources) -> "_Made":
    found = prepared(index, files.filled(index, part))
    files.must_be_used(index, found)
    found = replace(found, plan=line.confined(found.plan))
    return _Made(key, index, part, found, parsed(found.plan))


def _write_all(asker: Asker, line: Line, made: Sequence["_Made"]) -> None:
    with writing() as session:
        above = _locked(session, asker, len(made))
        if _with_keys(session, [each.key for each in made]):
            return  # the commit stood whose answer was lost
        asks = [name for name in (*plan_of(above).approvals, *line.approvals) if name != WHOLE_PLAN]
        for each in made:
            _write(session, asker, above, replace(each, prepared=_within(each.prepared, asks)))
        named = [{"task": each.prepared.task.id, "title": each.prepared.task.title} for each in made]
        root = {"root_id": above.root_id or above.id}
        written(session, above, "task.delegated", {"step": asker.step_key, "children": named}, **root)
        triggers.at("family.before_commit")
    triggers.at("family.after_commit")


def _locked(session: Session, asker: Asker, more: int) -> Task:
    """The row of who hands on, which may hand on so many more.

    Raises:
        Fenced: the run does not have the task any more, or it is to be cancelled.
        Conflict: the family would be too large.
    """
    parent = asker.locked(session)
    if parent.cancel_requested_at is not None:
        # No failure of the step, which would be tried again: the run ends as cancelled.
        raise Fenced("cannot hand this on: the task is to be cancelled", task_id=parent.id)
    bounds.must_not_be_too_many(session, family_of(parent), more)
    return parent


def _within(part: Prepared, asks: Sequence[str]) -> Prepared:
    """The part, before whose calls people are asked as they are for its parent's, whoever works on it."""
    return replace(part, plan={**part.plan, "approvals": list(dict.fromkeys([*part.plan.get("approvals", []), *asks]))})


def _write(session: Session, asker: Asker, parent: Task, made: "_Made") -> None:
    task = made.prepared.task
    task.idempotency_key = made.key
    task.parent_id, task.root_id, task.depth = parent.id, parent.root_id or parent.id, parent.depth + 1
    task.priority = parent.priority
    task.rank_at = parent.rank_at
    task.limits = {**parent.limits, **task.limits, **_least(parent.limits, task.limits)}
    ends = [at for at in (parent.deadline_at, task.deadline_at) if at is not None]
    task.deadline_at = min(ends, default=None)
    told = {"parent": parent.id, "asked_in": asker.try_name, "share": bool(made.part.get("share"))}
    write(session, made.prepared, **told)
    if not isinstance(made.plan, ModelPlan) and _has_budget(session, parent):
        # What its own parts spend counts above: the line of budgets must not end here.
        open_for(session, task, BudgetFields())
    if parent.emergency_at is None and (parent.pause_requested_at or parent.stop_requested_at) is not None:
        pause_in(session, task)


def _least(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {name: min(one[name], other[name]) for name in one.keys() & other.keys()}


def _has_budget(session: Session, task: Task) -> bool:
    mine = select(Budget.id).where(Budget.kind == BudgetKind.TASK, Budget.name == task.id)
    return session.scalar(mine) is not None


def _is_unfit(session: Session, asker: Asker, child: Task) -> bool:
    """Whether it did not succeed before this try of the step."""
    return child.state in (State.FAILED, State.CANCELLED) and not _was_asked_in(session, asker, child)


def _opened_again(session: Session, asker: Asker, child: Task) -> Task:
    """The locked child, opened again if nobody has done it yet; once for each try of the step."""
    if child.state not in (State.FAILED, State.CANCELLED):
        return child
    mark = f"{asker.task_id}/{asker.step_key}/{asker.try_name}"
    return once(session, child, "retry by parent", mark, lambda: retry_in(session, child))


def _was_asked_in(session: Session, asker: Asker, child: Task) -> bool:
    first = session.scalars(select(Event).where(Event.subject_id == child.id, Event.number == 1)).one_or_none()
    return first is not None and first.data.get("asked_in") == asker.try_name


def _row(session: Session, task_id: str) -> Task:
    return session.scalars(select(Task).where(Task.id == task_id)).one()
