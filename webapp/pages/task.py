"""One task: why it stands where it stands, its steps with what they printed, its log; all of it live.

Its files and changes have modules of their own (files.py, changes.py).  What the steps look like: task_view.py.
Live: the page hears of events (pages/stream.py) and asks `live` for the parts that changed.
"""

from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from models.budget import BudgetKind
from models.columns import now
from models.database import db
from models.errors import NotFound
from models.event import Event, events_after
from models.states import State
from models.step import Step, StepState
from models.task import Task
from tasks.queueing.reasons import why_queued
from tools import limits, terminal_text
from tools.tiers import NONE, meaning
from webapp import (
    approval_card,
    conversation,
    event_words,
    gate,
    limit_form,
    preview,
    question_words,
    step_approvals,
    step_words,
    task_view,
)
from webapp.glance import artifacts_of
from webapp.task_controls import controls_of, form_to_run_again, may_replay

page = Blueprint("task", __name__)

LOG_PAGE = 1000
TABS = ("steps", "files", "changes", "family", "log")


@page.app_context_processor
def _words() -> dict[str, object]:
    return {
        "approval_words": step_approvals.words_of,
        "command_of": step_words.command_of,
        "event_words": event_words,
        "file_icons": preview.ICONS,
        "limit_titles": {kind.name: kind.title for kind in limits.KINDS},
        "limits_typed": limit_form.as_typed,
        "form_to_run_again": form_to_run_again,
        "is_model_plan": conversation.is_model_plan,
        "may_replay": may_replay,
        "kind_by_name": preview.kind_by_name,
        "no_sandbox": meaning(NONE),
        "noted_words": step_words.noted,
        "plain": terminal_text.plain,
        "prompt_words": step_words.prompt_of,
    }


@page.get("/tasks/<task_id>")
def show(task_id: str) -> ResponseReturnValue:
    """The task with its steps."""
    task = the_task(task_id)
    is_all = "all" in request.args
    return render_template(
        "pages/task_steps.html", tab="steps", is_all=is_all, **head_of(task), **steps_of(task, is_all)
    )


@page.get("/tasks/<task_id>/log")
def log(task_id: str) -> ResponseReturnValue:
    """The timeline, every event with its number; of a very long one the part after `after`, the page asks for more."""
    task = the_task(task_id)
    after = int(request.args["after"]) if request.args.get("after", "").isdecimal() else 0
    events = events_after(db.session(), task.id, after, LOG_PAGE)
    parts = head_of(task) | {"events": events, "seen": events[-1].number if events else after}
    return render_template("pages/task_log.html", tab="log", is_cut=len(events) == LOG_PAGE, **parts)


@page.get("/tasks/<task_id>/live")
def live(task_id: str) -> ResponseReturnValue:
    """The parts of the open tab that changed since the event `after`, as they are now."""
    task = the_task(task_id)
    tab = request.args.get("tab", "steps")
    after = int(request.args["after"]) if request.args.get("after", "").isdecimal() else 0
    parts: dict[str, object] = {"tab": tab if tab in TABS else "steps", "is_all": "all" in request.args}
    # Read before the rest: what the rest then shows is at least as new as the number says.
    events: list[Event] = events_after(db.session(), task.id, after, LOG_PAGE)
    is_cut = len(events) == LOG_PAGE
    parts |= head_of(task) | {"events": events, "seen": events[-1].number if events else after, "is_cut": is_cut}
    if tab == "steps":
        parts |= steps_of(task, bool(parts["is_all"]))
    return render_template("parts/task_live.html", **parts)


@page.get("/tasks/<task_id>/steps/<step_id>/output")
def output(task_id: str, step_id: str) -> ResponseReturnValue:
    """What the step was given, printed and returned."""
    task = the_task(task_id)
    found = select(Step).where(Step.task_id == task.id, Step.id == checked_id(step_id))
    step = db.session.scalars(found).one_or_none()
    if step is None:
        raise NotFound("cannot find the step: it was begun again or is gone", step=step_id)
    told = {"limits": limits.kept(step.limits), "prompt": conversation.prompt_of(step)}
    return render_template("parts/step_output.html", task=task, step=step, **told)


def the_task(task_id: str, permission: str = "task:read") -> Task:
    """The task of that id, if the person may do this with it.

    Raises:
        NotFound: there is none.
    """
    task = db.session.scalars(select(Task).where(Task.id == checked_id(task_id))).one_or_none()
    if task is None:
        raise NotFound("cannot find the task", task=task_id)
    gate.allow(permission, task)
    return task


def checked_id(text: str) -> str:
    """The id in its one written form.

    Raises:
        NotFound: it is no id at all.
    """
    try:
        return str(UUID(text))
    except ValueError as error:
        raise NotFound("cannot find anything under this id", id=text) from error


def head_of(task: Task) -> dict[str, object]:
    """What every tab shows above itself."""
    steps = task_view.steps_of(db.session(), task)
    return {
        "task": task,
        "seen": task.event_count,
        "stages": task_view.stages_of(task, steps),
        "used": conversation.used_by(steps),
        "meters": conversation.meters_of(db.session(), BudgetKind.TASK, task.id),
        "strip": task_view.strip_of(steps, now() if task.state == State.RUNNING else None),
        "results": artifacts_of(db.session(), task) if task.state == State.SUCCEEDED else [],
        "why": why_queued(task) if task.state == State.QUEUED else "",
        "broken": next((step for step in reversed(steps) if step.state == StepState.FAILED), None),
        "controls": controls_of(task),
        "told": task_view.told_last(db.session(), task),
        "card": approval_card.asked_of(db.session(), task) if task.state == State.WAITING else None,
        "asked_for": question_words.asked_by(task, steps) if task.state == State.WAITING else None,
    }


def steps_of(task: Task, is_all: bool) -> dict[str, object]:
    """What the Steps tab shows."""
    steps = task_view.steps_of(db.session(), task)
    shown = task_view.shown(steps, is_all=is_all)
    return {
        "steps": shown,
        "turns": conversation.turns_of(db.session(), task, shown),
        "left_out": len(steps) - len(shown),
        "ahead": task_view.planned_after(task, steps),
        "earlier": task_view.earlier_of(db.session(), task),
        "approved": step_approvals.said_to(db.session(), task),
    }
