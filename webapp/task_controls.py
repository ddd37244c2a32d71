"""What a person may do with a task as it stands, as buttons of its page.

What each does: tasks/control/one_task.py.  Where the buttons lead: pages/control.py.
"""

from dataclasses import dataclass

from flask import url_for

from models.states import TERMINAL, State
from models.task import Task
from tasks.plans import catalog
from webapp.conversation import is_model_plan


@dataclass(frozen=True)
class Control:
    """One button.  `view` is where it leads; what `asks` shows a question first."""

    label: str
    view: str
    icon: str
    title: str = ""
    key: str = ""
    """The letter that presses it."""
    look: str = ""
    asks: bool = False
    of_task: bool = True
    """Whether it is about this task; what is not is about everything."""

    def address(self, task: Task) -> str:
        """Where it leads."""
        return url_for(self.view, task_id=task.id) if self.of_task else url_for(self.view)


CANCEL = Control("Cancel", "control.cancel", "close", "End it for good", "c", "warns", asks=True)
PAUSE = Control("Pause", "control.pause", "pause", "After the step that runs", "p")
PAUSE_NOW = Control("Pause now", "control.pause_now", "pause", "Cut the step that runs", asks=True)
HOLD = Control("Pause", "control.pause", "pause", "No agent takes it until it is resumed", "p")
GO_ON = Control("Do not pause", "control.resume", "play", "Take the wish back", "p")
RESUME = Control("Resume", "control.resume", "play", "Go on where it stopped", "p", "main")
REST = Control("Pause its parts", "control.pause", "pause", "All that it handed on rests until it is resumed", "p")
GO_ON_BELOW = Control("Resume its parts", "control.resume", "play", "What is paused of them goes on")
RELEASE = Control(
    "Release the stop",
    "standing.release",
    "play",
    "Everything was stopped: let it go on",
    "p",
    "main",
    True,
    of_task=False,
)
RETRY = Control("Retry", "control.retry", "refresh", "Go on from the step that failed", "r", "main")
DISMISS = Control("Dismiss", "control.dismiss", "check", "It has been dealt with: take it off the dead letters")
AT_REST = {
    State.QUEUED: [HOLD, CANCEL],
    State.PAUSED: [RESUME, CANCEL],
    State.WAITING: [CANCEL],
    State.FAILED: [RETRY],
    State.CANCELLED: [RETRY],
    State.SUCCEEDED: [],
}


def controls_of(task: Task) -> list[Control]:
    """The buttons, the most likely first."""
    if task.state == State.RUNNING:
        return _while_it_runs(task)
    if task.state == State.FAILED and task.dead_letter_at:
        return [RETRY, DISMISS]
    if task.state == State.PAUSED and task.emergency_at:
        return [RELEASE, CANCEL]
    if task.state == State.WAITING and (task.question or {}).get("kind") == "children":
        return [REST, GO_ON_BELOW, CANCEL]
    if task.state == State.WAITING and task.pause_requested_at:
        return [GO_ON, CANCEL]
    return AT_REST[State(task.state)]


def form_to_run_again(task: Task) -> str:
    """Where the form of a new task is filled in as this one was; by its own plan where the template is gone."""
    is_known = any(each.slug == task.template for each in catalog.templates())
    if task.template and is_known:
        return url_for("new_task.form", slug=task.template, again=task.id)
    view = "ask_agent.form" if is_model_plan(task) else "new_task.own"
    return url_for(view, again=task.id)


def may_replay(task: Task) -> bool:
    """Whether it may be begun again from one of its steps."""
    return task.state in TERMINAL


def _while_it_runs(task: Task) -> list[Control]:
    if task.cancel_requested_at:
        return []
    if task.stop_requested_at:
        return [CANCEL]
    if task.pause_requested_at:
        return [PAUSE_NOW, GO_ON, CANCEL]
    return [PAUSE, PAUSE_NOW, CANCEL]
