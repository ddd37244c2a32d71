"""Give back what a run holds that is not at work any more: its lease has expired, or its process is dead.

The lease decides, on every host and by the database's clock.  Looking for the process is only the quicker way, on its
own host.  What becomes of the task depends on what people wished of it, on its deadline, and on how often it was lost.
"""

import socket
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, literal, select
from sqlalchemy.orm import Session

from models import event
from models.claim import close_run, since
from models.columns import database_now, now
from models.database import after_commit, reading, writing
from models.run import Run
from models.states import TERMINAL, Move, State, move
from models.task import Task
from tasks import live
from tasks.control.standing import close_steps, failure
from tasks.family.hearing import note_end
from tasks.logs import logger
from tasks.processes import is_alive
from tools import triggers

AT_ONCE = 100
# A task whose workers died this often, with no step finished in between, is taken to be the reason.
MOST_LOSSES = 5
_RUNNING = Task.state == literal(State.RUNNING.value, literal_execute=True)
HAS_EXPIRED = Task.lease_expires_at < database_now()
EXPIRED = _RUNNING & HAS_EXPIRED
log = logger(__name__)


@dataclass(frozen=True)
class Verdict:
    """What becomes of a task that was given back: the move, its columns, and its event."""

    move: Move
    kind: str
    columns: dict[str, Any]
    told: dict[str, Any]


def rescue_expired() -> list[str]:
    """Give back the runs whose lease has expired, longest first, a bounded number; returns their tasks' ids."""
    found = select(Run).join(Task, (Task.id == Run.task_id) & (Task.run_number == Run.number))
    with reading() as session:
        runs = list(session.scalars(found.where(EXPIRED).order_by(Task.lease_expires_at).limit(AT_ONCE)))
    # Asked again in the write: the run may have beaten meanwhile.
    return [run.task_id for run in runs if give_back(run, "was not heard of until the end of its lease", HAS_EXPIRED)]


def requeue_lost(*, was_stopped: bool = False) -> list[str]:
    """Give back the runs whose process on this host is dead; returns their tasks' ids.

    Where a person stopped the processes (`was_stopped`), no loss is counted: the task was not the reason.
    """
    return give_back_dead(runs_here(), was_stopped=was_stopped)


def give_back_dead(runs: list[Run], *, was_stopped: bool = False) -> list[str]:
    """Give back those of these runs of this host whose process is dead; returns their tasks' ids."""
    how = "was stopped" if was_stopped else "died"
    lost = [run for run in runs if not is_alive(run.pid, run.process_started_at)]
    return [run.task_id for run in lost if give_back(run, how, counted=not was_stopped)]


def runs_here(worker_id: str | None = None) -> list[Run]:
    """The runs that have not ended and whose processes are, or were, on this host; of one worker if it is named."""
    here = select(Run).where(Run.ended_at.is_(None), Run.host == socket.gethostname())
    with reading() as session:
        return list(session.scalars(here if worker_id is None else here.where(Run.worker_id == worker_id)))


def give_back(run: Run, how: str, *still: ColumnElement[bool], counted: bool = True) -> bool:
    """Take the task from the run if it has it, and `still` holds; False when it had ended by itself."""
    reason = f"the process {run.pid} of agent {run.agent} on {run.host} {how}"
    mine = (Task.id == run.task_id, Task.run_number == run.number, _RUNNING)
    # Locked: the task must not end between this look and the move.
    look = select(Task, (Task.deadline_at <= database_now()).label("is_late")).where(*mine, *still).with_for_update()
    with writing() as session:
        found = session.execute(look).one_or_none()
        if found is None and still:
            return False
        # Behind its lease it did nothing, however long the installation was down.
        lease = found.Task.lease_expires_at if found is not None else None
        close_run(session, run.task_id, run.number, "lost", min(now(), lease) if lease else None)
        if found is None:
            return False
        verdict = _verdict(found.Task, found.is_late, found.Task.losses + counted, reason)
        _carry_out(session, run, mine, verdict, found.Task.losses + counted)
    log.warning(verdict.kind, task=run.task_id, run=run.number, reason=reason)
    return True


def _verdict(task: Task, is_late: bool, losses: int, reason: str) -> Verdict:
    if task.cancel_requested_at is not None:
        # Who held it is dead, or has ended its tool before its lease: no process of the task is left.
        return Verdict(Move.CANCEL, "task.cancelled", {"finished_at": now()}, {"killed": 0, "reason": reason})
    if task.stop_requested_at is not None:
        return _paused("stop", reason)
    if is_late:
        return _failed("deadline", "cannot finish in time: its deadline passed before it was done")
    if losses >= MOST_LOSSES:
        return _failed("lost", f"cannot finish: its worker died {losses} times in a row, last because {reason}")
    if task.pause_requested_at is not None:
        return _paused("pause", reason)
    return Verdict(Move.REQUEUE, "task.requeued", {"published_at": None}, {"reason": reason})


def _paused(why: str, reason: str) -> Verdict:
    fulfilled = {"stop_requested_at": None, "pause_requested_at": None}
    return Verdict(Move.PAUSE, "task.paused", fulfilled, {"why": why, "reason": reason})


def _failed(code: str, message: str) -> Verdict:
    return Verdict(Move.FAIL, "task.failed", failure(code, message), {"code": code, "message": message})


def _carry_out(session: Session, run: Run, mine: tuple[Any, ...], verdict: Verdict, losses: int) -> None:
    task = move(session, verdict.move, *mine, lease_expires_at=None, losses=losses, **verdict.columns)
    number, told = int(task.event_count), dict(verdict.told)
    if task.state in TERMINAL:
        close_steps(session, run.task_id)
        note_end(session, run.task_id, task.root_id)
    if verdict.move is Move.CANCEL and (passed := since(session, task.cancel_requested_at)) is not None:
        told["after_s"] = round(passed, 3)
    event.record(session, "task", run.task_id, number, verdict.kind, run.tenant, **told)
    after_commit(session, lambda: live.hint("task", run.task_id, number))
    triggers.at("rescue.before_commit")
    after_commit(session, lambda: triggers.at("rescue.after_commit"))
