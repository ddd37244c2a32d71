"""What a person may do with one task: cancel, pause, resume, retry, replay, dismiss; clone is in
tasks/orders/cloning.py.

Each is one transaction with its event, whose author is who did it.  A task that no run has moves at once; of one
that runs a wish is written, which its run obeys (tasks/runs/heart.py), and `live.wish` wakes it.  Asking for what is
so already, or is asked for already, is no error and writes nothing.  All functions run within `acting(…)`.

The `…_in` take a locked task and a session that writes: tasks/control/bulk.py does many in one transaction.
Opening an ended task again: tasks/control/reopening.py.  A question's answer: tasks/control/questions.py.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.columns import database_now, now
from models.database import writing
from models.states import TERMINAL, Move, State, move
from models.task import Task
from tasks.control.cancelling import cancel_alone, wish
from tasks.control.questions import answer_in
from tasks.control.reopening import reopen
from tasks.control.repetition import once
from tasks.control.standing import NO_WISH, locked, refusal, written
from tasks.family.tree import is_waiting_for_children, living_below
from tasks.queueing.waking import wake_after_commit
from tasks.timeline import record_of_task


def cancel(task_id: str) -> Task:
    """Cancel the task: at once, or as soon as its run has ended every process of its tool.

    Raises:
        NotFound: there is none.
        Conflict: it has succeeded or failed.
    """
    with writing() as session:
        return cancel_in(session, locked(session, task_id))


def pause(task_id: str, *, now: bool = False) -> Task:
    """Pause the task: at once, or after the step that runs; `now` ends that step, which is repeated later.

    Raises:
        NotFound: there is none.
        Conflict: it is neither queued nor running, or its cancellation was asked for.
    """
    with writing() as session:
        return pause_in(session, locked(session, task_id), now=now)


def resume(task_id: str) -> Task:
    """Give the paused task back to its queue, or take back the wish that a running one be paused.

    Raises:
        NotFound: there is none.
        Conflict: it has ended, or waits for a person and is not to be paused then.
    """
    with writing() as session:
        return resume_in(session, locked(session, task_id))


def retry(task_id: str, key: str | None = None) -> Task:
    """Open the failed or cancelled task again at its first step that did not succeed; finished steps are kept.

    Of a task that asks what is to happen with a step that was cut off, this is the answer "retry".  Asked again with
    the same `key`, nothing happens a second time.

    Raises:
        NotFound: there is none.
        Conflict: it has neither failed nor been cancelled, and asks nothing of that kind.
    """
    with writing() as session:
        task = locked(session, task_id)
        return once(session, task, "retry", key, lambda: retry_in(session, task))


def replay(task_id: str, from_step: str | int, key: str | None = None) -> Task:
    """Open the ended task again at a step, named by its key or its position; that and all later ones are repeated.

    Asked again with the same `key`, nothing happens a second time.

    Raises:
        NotFound: there is no such task.
        InvalidInput: it has no such step.
        Conflict: it has not ended.
    """
    with writing() as session:
        task = locked(session, task_id)
        return once(session, task, f"replay {from_step}", key, lambda: _replay_in(session, task, from_step))


def dismiss(task_id: str) -> Task:
    """Take the failed task out of the dead letters: a person has dealt with it.

    Raises:
        NotFound: there is none.
        Conflict: it has not failed.
    """
    with writing() as session:
        return dismiss_in(session, locked(session, task_id))


def restore(task_id: str) -> Task:
    """Undo a dismissal: the failed task is a dead letter again, from when it failed.

    Raises:
        NotFound: there is none.
        Conflict: it has not failed, or not any more.
    """
    with writing() as session:
        task = locked(session, task_id)
        if task.state != State.FAILED:
            raise refusal(task, "restore", "only what failed is a dead letter")
        if task.dead_letter_at is not None:
            return task
        return written(session, task, "task.restored", dead_letter_at=task.finished_at or now())


def cancel_in(session: Session, task: Task) -> Task:
    """See `cancel`."""
    if task.state == State.CANCELLED:
        return task
    if task.state in TERMINAL:
        raise refusal(task, "cancel", "there is nothing left to cancel")
    cancelled = cancel_alone(session, task)
    for below in living_below(session, [task]):
        cancel_alone(session, below, why="family")
    return cancelled


def pause_in(session: Session, task: Task, *, now: bool = False) -> Task:
    """See `pause`."""
    is_waiting = task.state == State.WAITING and is_waiting_for_children(task)
    paused = task if is_waiting else _pause_alone(session, task, now=now)
    reached = [each for each in living_below(session, [task]) if _may_rest(each, now=now)]
    for below in reached:
        _pause_below(session, below, now=now)
    if is_waiting and (reached or task.pause_requested_at is None):
        # What is in its last step below ends all the same: the wish stands in this row too, and that end finds it.
        at = {"pause_requested_at": database_now()}
        return written(session, paused, "family.paused", {"tasks": len(reached)}, **at)
    return paused


def _pause_below(session: Session, task: Task, *, now: bool) -> Task:
    """One that waits rests once it is answered (answered.py)."""
    return wish(session, task, "pause") if task.state == State.WAITING else _pause_alone(session, task, now=now)


def _pause_alone(session: Session, task: Task, *, now: bool) -> Task:
    if task.state == State.PAUSED:
        # Whoever pauses what an emergency stop holds wants it paused beyond the release.
        return task if task.emergency_at is None else written(session, task, "task.paused", emergency_at=None)
    if task.state == State.RUNNING:
        return _wish_to_pause(session, task, now=now)
    if task.state != State.QUEUED:
        cure = "answer it or cancel the task" if task.state == State.WAITING else "only what still runs can be paused"
        raise refusal(task, "pause", cure)
    task = move(session, Move.PAUSE, Task.id == task.id, Task.state != State.RUNNING, **NO_WISH)
    record_of_task(session, task, "task.paused")
    return task


def resume_in(session: Session, task: Task) -> Task:
    """See `resume`."""
    is_waiting = task.state == State.WAITING and is_waiting_for_children(task)
    resumed = task if is_waiting else _resume_alone(session, task)
    reached = [each for each in living_below(session, [task]) if _may_go_on(each)]
    for below in reached:
        _resume_alone(session, below)
    if is_waiting and (reached or task.pause_requested_at is not None):
        # It may have come to wait while it was to pause: it would do so with its next step.
        return written(session, resumed, "family.resumed", {"tasks": len(reached)}, pause_requested_at=None)
    return resumed


def _may_rest(task: Task, *, now: bool) -> bool:
    """Whether it is queued, or waits or runs and nothing more than a pause is wanted of it yet."""
    if task.state == State.WAITING:
        return task.pause_requested_at is None
    if task.state != State.RUNNING or task.cancel_requested_at is not None:
        return task.state == State.QUEUED
    return task.stop_requested_at is None and (now or task.pause_requested_at is None)


def _may_go_on(task: Task) -> bool:
    """Whether it is paused, or is to be; what an emergency stop holds is the release's to resume."""
    if task.state == State.RUNNING:
        is_ending = task.stop_requested_at is not None or task.cancel_requested_at is not None
        return task.pause_requested_at is not None and not is_ending
    if task.state == State.WAITING:
        return task.pause_requested_at is not None
    return task.state == State.PAUSED and task.emergency_at is None


def _resume_alone(session: Session, task: Task) -> Task:
    if task.state == State.RUNNING and task.stop_requested_at is None and task.cancel_requested_at is None:
        return _take_back(session, task)
    if task.state == State.WAITING and task.pause_requested_at is not None:
        return _take_back(session, task)
    if task.state == State.QUEUED:
        return task
    if task.state != State.PAUSED:
        cure = "retry or replay it" if task.state in TERMINAL else "only a paused task can be resumed"
        raise refusal(task, "resume", cure)
    published_at = None if task.waits_until is not None else now()
    task = move(session, Move.RESUME, Task.id == task.id, published_at=published_at, **NO_WISH)
    record_of_task(session, task, "task.resumed")
    if published_at is not None:
        wake_after_commit(session, task)
    return task


def retry_in(session: Session, task: Task) -> Task:
    """See `retry`."""
    if task.state == State.WAITING:
        return answer_in(session, task, "retry")
    if task.state not in (State.FAILED, State.CANCELLED):
        raise refusal(task, "retry", _INSTEAD[State(task.state)])
    return _opened(session, task)


def _must_have_parent(session: Session, task: Task, what: str) -> None:
    """Nobody would take what a part comes to whose parent has ended, and its end would end this again."""
    if task.parent_id is None:
        return
    parent = session.scalars(select(Task).where(Task.id == task.parent_id)).one_or_none()
    if parent is not None and parent.state in TERMINAL:
        cure = f"{what} “{parent.title}”, which handed it on and has ended, or clone this one"
        raise refusal(task, what, cure)


def dismiss_in(session: Session, task: Task) -> Task:
    """See `dismiss`."""
    if task.state != State.FAILED:
        raise refusal(task, "dismiss", "only what failed is a dead letter")
    if task.dead_letter_at is None:
        return task
    return written(session, task, "task.dismissed", dead_letter_at=None)


_INSTEAD = {
    State.QUEUED: "it is begun by itself",
    State.RUNNING: "wait for its end or cancel it",
    State.PAUSED: "resume it",
    State.SUCCEEDED: "replay it from a step, or clone it",
}


def _wish_to_pause(session: Session, task: Task, *, now: bool) -> Task:
    if task.cancel_requested_at is not None:
        raise refusal(task, "pause", "its cancellation was asked for, and ends it")
    if task.emergency_at is not None:
        # The emergency stop ends its step already; from now on it is paused beyond the release too.
        return written(session, task, "task.stop_requested", emergency_at=None)
    has_more = task.stop_requested_at is not None and not now
    return task if has_more else wish(session, task, "stop" if now else "pause")


def _take_back(session: Session, task: Task) -> Task:
    """The wish that it be paused is taken back; a run asks anew after each step."""
    if task.pause_requested_at is None:
        return task
    return written(session, task, "task.pause_withdrawn", pause_requested_at=None)


def _replay_in(session: Session, task: Task, from_step: str | int) -> Task:
    if task.state not in TERMINAL:
        raise refusal(task, "replay", "wait for its end or cancel it")
    return _opened(session, task, from_step)


def _opened(session: Session, task: Task, from_step: str | int | None = None) -> Task:
    _must_have_parent(session, task, "retry" if from_step is None else "replay")
    task = reopen(session, task, from_step, **NO_WISH)
    wake_after_commit(session, task)
    return task
