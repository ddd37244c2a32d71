"""What a waiting task waits for, and what becomes of the answer.

By the `kind` of its question: `once_cut`, a step whose effect must not happen twice was cut off, and nobody knows
whether it happened.  Its choices: "retry" (do it again), "done" (it happened), "fail" (it did not, and the task
fails); they are answered here.  `approval`: answered in tasks/approvals/decisions.py, with the digest of what was
shown.  `children`: nobody is asked, the tasks that it delegated answer by their end.
Who asks: tasks/runs/execution.py.  Who wins between two answers: the move out of `waiting`.
"""

from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from models.columns import now
from models.database import writing
from models.errors import Conflict, InvalidInput, Problem
from models.states import Move, State, move
from models.step import DONE_BY_PERSON, Step, StepState
from models.task import Task
from tasks.control.answered import go_on
from tasks.control.repetition import once
from tasks.control.standing import locked, refusal, written
from tasks.timeline import record_of_task

CHOICES = ("retry", "done", "fail")


def answer(task_id: str, choice: str, step: str | None = None, key: str | None = None) -> Task:
    """Answer what the task asks; `step` is the id of the step that the person was asked about, if they know it.

    Asked again with the same `key`, nothing happens a second time.  Runs within `acting(…)`.

    Raises:
        NotFound: there is no such task.
        InvalidInput: the question has no such choice.
        Conflict: it asks nothing (any more), or about another step by now.
    """
    with writing() as session:
        task = locked(session, task_id)
        return once(session, task, f"answer {choice} {step}", key, lambda: answer_in(session, task, choice, step))


def answer_in(session: Session, task: Task, choice: str, step: str | None = None) -> Task:
    """See `answer`; takes the locked task."""
    if task.state != State.WAITING or not task.question:
        raise refusal(task, "answer", "it asks nothing, or somebody has answered already")
    question = task.question
    if question.get("kind") in _ELSEWHERE:
        raise refusal(task, "answer", _ELSEWHERE[question["kind"]])
    if step is not None and step != question.get("step"):
        raise Conflict("cannot answer task: it asks about another step by now; look at it again", task_id=task.id)
    choices = question.get("choices", CHOICES)
    if choice not in choices:
        problem = Problem(path="choice", message=f"must be one of {', '.join(choices)}")
        raise InvalidInput("cannot answer task", problems=[problem])
    return _MOVES[choice](session, task, question)


def _retry(session: Session, task: Task, question: dict[str, Any]) -> Task:
    # The run that comes writes the step anew.
    session.execute(delete(Step).where(*_cut(task, question)).execution_options(synchronize_session=False))
    return _queued(session, task, question, "retry")


def _done(session: Session, task: Task, question: dict[str, Any]) -> Task:
    _end_step(session, task, question, state=StepState.SUCCEEDED, output=dict(DONE_BY_PERSON))
    return _queued(session, task, question, "done", steps_done=Task.steps_done + 1)


def _fail(session: Session, task: Task, question: dict[str, Any]) -> Task:
    message = f"cannot finish the step “{question.get('title')}”: it was cut off, and a person said that it failed"
    error: dict[str, Any] = {"error_code": "answered", "error_message": message}
    _end_step(session, task, question, state=StepState.FAILED, **error)
    task = written(session, task, "task.answered", _told(question, "fail"))
    failed: dict[str, Any] = {"finished_at": now(), "question": None, **error}
    task = move(session, Move.FAIL, Task.id == task.id, Task.state != State.RUNNING, **failed)
    record_of_task(session, task, "task.failed", code="answered", message=message)
    return task


def _queued(session: Session, task: Task, question: dict[str, Any], choice: str, **values: Any) -> Task:
    return go_on(session, task, "task.answered", _told(question, choice), **values)


def _told(question: dict[str, Any], choice: str) -> dict[str, Any]:
    return {"choice": choice, **{name: question.get(name) for name in ("step", "key", "title")}}


def _end_step(session: Session, task: Task, question: dict[str, Any], **values: Any) -> None:
    ended = update(Step).where(*_cut(task, question)).values(finished_at=now(), **values)
    session.execute(ended.execution_options(synchronize_session=False))


def _cut(task: Task, question: dict[str, Any]) -> tuple[Any, ...]:
    return Step.id == question["step"], Step.task_id == task.id, Step.state == StepState.STARTED


_ELSEWHERE = {
    "approval": "it asks whether a call may be made: approve or reject that, in the inbox or by its approval's id",
    "children": "it goes on when the tasks that it delegated have ended",
}
_MOVES = {"retry": _retry, "done": _done, "fail": _fail}
