"""What follows from the end of a task of a family: what is below it ends too, and who waited for it goes on.

Asked after the commit of the end (hearing.py), and by the reconciler for what was missed (`go_on`).  All of it may be
done twice: it looks how things stand, with the rows locked.
"""

from collections.abc import Sequence

from sqlalchemy import exists, literal, select
from sqlalchemy.orm import Session, aliased

from models.database import reading, writing
from models.states import TERMINAL, State
from models.task import Task
from tasks.control import answered
from tasks.control.cancelling import cancel_alone
from tasks.control.standing import written
from tasks.family.hearing import CHILDREN
from tasks.family.tree import is_waiting_for_children, living_below, locked_in_order

AT_ONCE = 100
_WAITS = (Task.state == literal(State.WAITING.value, literal_execute=True)) & Task.root_id.is_not(None)


def hear(task_ids: Sequence[str]) -> None:
    """Do what follows from the ends of these tasks."""
    with writing() as session:
        ended = [task for task in _found(session, task_ids) if task.state in TERMINAL]
        if not ended:
            return
        above = {name for task in ended for name in (task.parent_id, task.root_id) if name is not None}
        wanted = select(Task).where(Task.id.in_(above | {task.id for task in ended}))
        rows = {task.id: task for task in locked_in_order(session, wanted)}
        for task in ended:
            _tell(session, rows, rows[task.id])
        _cancel_below(session, ended)
        for parent_id in sorted({task.parent_id for task in ended if task.parent_id in rows}):
            _answer(session, rows[parent_id])


def answer_if_ended(parent_ids: Sequence[str]) -> int:
    """Let those of these tasks go on that wait for parts which have all ended; returns how many."""
    with writing() as session:
        parents = locked_in_order(session, select(Task).where(Task.id.in_(parent_ids)))
        return sum(_answer(session, parent) for parent in parents)


def go_on(limit: int = AT_ONCE) -> int:
    """Do what nobody did, because a process died between an end and what follows from it; returns for how many tasks.

    For the reconciler, in the wide scope.  Two looks into indexes when nothing is.
    """
    part, above = aliased(Task), aliased(Task)
    lives = exists().where(part.parent_id == Task.id, part.finished_at.is_(None))
    waits = select(Task.id).where(_WAITS, Task.question["kind"].as_string() == CHILDREN, ~lives)
    left = select(Task.parent_id).join(above, above.id == Task.parent_id).distinct()
    left = left.where(Task.parent_id.is_not(None), Task.finished_at.is_(None), Task.cancel_requested_at.is_(None))
    with reading() as session:
        waiting = list(session.scalars(waits.limit(limit)))
        ended = list(session.scalars(left.where(above.finished_at.is_not(None)).limit(limit)))
    return (answer_if_ended(waiting) if waiting else 0) + (_end_below(ended) if ended else 0)


def _found(session: Session, task_ids: Sequence[str | None]) -> Sequence[Task]:
    return session.scalars(select(Task).where(Task.id.in_(task_ids))).all()


def _end_below(task_ids: Sequence[str | None]) -> int:
    with writing() as session:
        return _cancel_below(session, [task for task in _found(session, task_ids) if task.state in TERMINAL])


def _cancel_below(session: Session, ended: Sequence[Task]) -> int:
    left = living_below(session, ended)
    for task in left:
        cancel_alone(session, task, why="family")
    return len(left)


def _tell(session: Session, rows: dict[str, Task], task: Task) -> None:
    """Say of a part on the timelines of who handed it on, and of the family, that it has ended."""
    told = {
        "child": task.id,
        "title": task.title,
        "state": task.state,
        "depth": task.depth,
        "error": task.error_message,
    }
    for name in sorted({task.parent_id, task.root_id} - {None, task.id}, key=str):
        above = rows.get(str(name))
        if above is not None and above.state not in TERMINAL:
            rows[above.id] = written(session, above, "child.ended", told)
    above = rows.get(str(task.parent_id))
    if task.dead_letter_at is not None and above is not None and above.state not in TERMINAL:
        # It has been dealt with: whoever handed it on gets its failure, and fails or not.
        rows[task.id] = written(session, task, "task.dismissed", {"why": "family"}, dead_letter_at=None)


def _answer(session: Session, parent: Task) -> bool:
    """Let the locked task go on, if it waits for parts of which none lives."""
    if parent.state != State.WAITING or not is_waiting_for_children(parent):
        return False
    lives = select(Task.id).where(Task.parent_id == parent.id, Task.finished_at.is_(None)).limit(1)
    if session.scalar(lives) is not None:
        return False
    count = len((parent.question or {}).get("children", []))  # the move takes the question away
    answered.go_on(session, parent, "task.children_ended", {"children": count})
    return True
