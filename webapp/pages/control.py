"""What the buttons of a task do: cancel, pause, resume, retry, replay, dismiss (and back), answer its question.

Which buttons there are: webapp/task_controls.py.  What each does: tasks/control/one_task.py,
tasks/control/questions.py. What could do harm is asked first, by the GET of the same address: webapp/ask.py.
"""

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from models.database import db
from models.errors import NotFound
from models.states import State
from models.step import Step, StepState
from models.task import Task
from tasks.control import one_task as control
from tasks.control import questions
from tasks.family.tree import count_living_below
from webapp import task_view
from webapp.amounts import counted
from webapp.ask import Question, ask, done
from webapp.pages.task import checked_id, the_task

page = Blueprint("control", __name__)


@page.get("/tasks/<task_id>/cancel")
def ask_cancel(task_id: str) -> ResponseReturnValue:
    """What cancelling would end, and what stays."""
    task = _task(task_id)
    return ask(
        Question(
            title=f"Cancel “{task.title}”?",
            action=url_for("control.cancel", task_id=task.id),
            yes="Cancel the task",
            no="Keep it",
            back=_home_of(task),
            says=[_lost(task), *_below(task), "It can be retried later, from the step where it was cut."],
            stays=_kept(task),
        )
    )


@page.post("/tasks/<task_id>/cancel")
def cancel(task_id: str) -> ResponseReturnValue:
    """Cancel it."""
    task = control.cancel(_task(task_id).id)
    is_over = task.state == State.CANCELLED
    return done("Cancelled." if is_over else "Cancelling: its processes are being ended.", _home_of(task))


@page.post("/tasks/<task_id>/pause")
def pause(task_id: str) -> ResponseReturnValue:
    """Pause it, after the step that runs."""
    task = control.pause(_task(task_id).id)
    words = "Paused." if task.state == State.PAUSED else "It pauses after the step that runs."
    if task.state == State.WAITING:
        words = "Paused all that it handed on; what runs of it pauses after its step."
    return done(words, _home_of(task))


@page.get("/tasks/<task_id>/pause-now")
def ask_pause_now(task_id: str) -> ResponseReturnValue:
    """What cutting the running step would lose."""
    task = _task(task_id)
    step = _running_step(task)
    cut = f"The step “{step.title}” is" if step else "The step that runs is"
    return ask(
        Question(
            title="Pause now, in the middle of a step?",
            action=url_for("control.pause_now", task_id=task.id),
            yes="Pause now",
            back=_home_of(task),
            says=[
                f"{cut} ended at once with every process it started, and what it has done so far is lost.",
                "When the task is resumed, the step is begun again from its beginning. If its effect must not happen "
                "twice, such as sending a mail, you are asked first.",
            ],
            stays=_kept(task),
        )
    )


@page.post("/tasks/<task_id>/pause-now")
def pause_now(task_id: str) -> ResponseReturnValue:
    """Pause it at once."""
    task = control.pause(_task(task_id).id, now=True)
    return done("Paused." if task.state == State.PAUSED else "Pausing: the step is being ended.", _home_of(task))


@page.post("/tasks/<task_id>/resume")
def resume(task_id: str) -> ResponseReturnValue:
    """Let it go on."""
    task = control.resume(_task(task_id).id)
    words = "It goes on without a pause." if task.state == State.RUNNING else "Resumed."
    return done("Resumed what was paused below." if task.state == State.WAITING else words, _home_of(task))


@page.post("/tasks/<task_id>/retry")
def retry(task_id: str) -> ResponseReturnValue:
    """Go on from the first step that did not succeed."""
    task = control.retry(_task(task_id).id)
    return done("Retried: it goes on from the step that did not succeed.", _home_of(task))


@page.get("/tasks/<task_id>/replay/<step_id>")
def ask_replay(task_id: str, step_id: str) -> ResponseReturnValue:
    """Which steps would be done again."""
    task = _task(task_id)
    step = _step(task, step_id)
    again = [each for each in task_view.steps_of(db.session(), task) if each.position >= step.position]
    shown = [f"{each.position} {each.title}" for each in again[:6]]
    return ask(
        Question(
            title=f"Replay from “{step.title}”?",
            action=url_for("control.replay", task_id=task.id, step_id=step.id),
            yes=f"Replay {counted(len(again), 'step')}",
            back=_home_of(task),
            says=[
                "The task is queued again. These steps are done anew; what they did before is kept below as an "
                "earlier attempt.",
                f"The files go back to how they were before step {step.position}; changes after that leave the "
                "workspace, and stay in the history.",
            ],
            examples=shown,
            more=len(again) - len(shown),
            stays=_untouched(step.position),
            is_harm=False,
        )
    )


@page.post("/tasks/<task_id>/replay/<step_id>")
def replay(task_id: str, step_id: str) -> ResponseReturnValue:
    """Begin it again from the step."""
    task = _task(task_id)
    step = _step(task, step_id)
    control.replay(task.id, step.position)
    return done(f"Replayed from step {step.position}.", _home_of(task))


@page.post("/tasks/<task_id>/dismiss")
def dismiss(task_id: str) -> ResponseReturnValue:
    """Take it off the dead letters."""
    task = control.dismiss(_task(task_id).id)
    undo = url_for("control.restore", task_id=task.id)
    return done(f"Dismissed “{task.title}”: it is no dead letter any more.", _home_of(task), undo=undo)


@page.post("/tasks/<task_id>/restore")
def restore(task_id: str) -> ResponseReturnValue:
    """Undo its dismissal."""
    task = control.restore(_task(task_id).id)
    return done(f"“{task.title}” is a dead letter again.", _home_of(task))


@page.post("/tasks/<task_id>/answer")
def answer(task_id: str) -> ResponseReturnValue:
    """Answer what it asks, about the step that the person saw."""
    task = _task(task_id)
    choice = request.form.get("choice", "")
    questions.answer(task.id, choice, request.form.get("step") or None)
    said = {"retry": "The step is done again.", "done": "It goes on after the step.", "fail": "The task failed."}
    return done(f"Answered. {said.get(choice, '')}", _home_of(task))


def _task(task_id: str) -> Task:
    return the_task(task_id, "task:control")


def _step(task: Task, step_id: str) -> Step:
    wanted = checked_id(step_id)
    found = next((each for each in task_view.steps_of(db.session(), task) if each.id == wanted), None)
    if found is None:
        raise NotFound("cannot find the step: it was replaced by a later attempt", step=step_id)
    return found


def _home_of(task: Task) -> str:
    return url_for("task.show", task_id=task.id)


def _running_step(task: Task) -> Step | None:
    steps = task_view.steps_of(db.session(), task)
    return next((step for step in steps if step.state == StepState.STARTED), None)


def _lost(task: Task) -> str:
    step = _running_step(task) if task.state == State.RUNNING else None
    if step is not None:
        return f"The step “{step.title}” is ended at once, with every process it started; what it has done is lost."
    return "It does not begin any further step." if task.started_at else "It has not begun yet, so no work is lost."


def _below(task: Task) -> list[str]:
    if task.root_id is None:
        return []
    count = count_living_below(db.session(), task)
    verb = "is" if count == 1 else "are"
    return [f"{counted(count, 'task')} that came from it {verb} cancelled too."] if count else []


def _kept(task: Task) -> str:
    if not task.steps_done:
        return ""
    if task.steps_done == 1:
        return "The one finished step and its files stay."
    return f"{counted(task.steps_done, 'finished step')} and their files stay."


def _untouched(position: int) -> str:
    if position <= 1:
        return ""
    return "Step 1 stays as it is." if position == 2 else f"Steps 1 to {position - 1} stay as they are."
