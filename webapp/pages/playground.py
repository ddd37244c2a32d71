"""The playground: try a tool and see what it does.  How a try becomes a task: webapp/playground.py."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from models.database import db
from models.errors import InvalidInput
from models.states import State
from models.step import Step
from models.task import Task
from tasks.reasons import why_queued
from tasks.submission import submit
from tools.limits import kept
from webapp import gate, playground
from webapp.glance import artifacts_of
from webapp.pages.task import the_task
from webapp.playground import Try

page = Blueprint("playground", __name__)

FIRST = "python.run"


@page.get("/playground")
def show() -> ResponseReturnValue:
    """The form of a tool; of a `task` that was made here also what it came to."""
    gate.allow("template:read")
    if request.args.get("task"):
        task = the_task(request.args["task"])
        return _form(Try.of(task), task)
    return _form(Try(playground.the_tool(request.args.get("tool", FIRST))))


@page.post("/playground/tools/<name>")
def try_tool(name: str) -> ResponseReturnValue:
    """Submit the one-step task, or show the form again with what is wrong."""
    gate.allow("task:submit")
    tried = Try.sent(playground.the_tool(name), request.form)
    if not tried.problems:
        try:
            task = submit(tried.order).task
        except InvalidInput as error:
            tried.problems = error.problems
        else:
            return redirect(url_for("playground.show", task=task.id) + "#task-head", 303)
    return _form(tried), 422


@page.get("/playground/tasks/<task_id>/live")
def live(task_id: str) -> ResponseReturnValue:
    """What a try has come to, as it is now."""
    return render_template("parts/playground_live.html", **result_of(the_task(task_id)))


def _form(tried: Try, task: Task | None = None) -> str:
    shown = result_of(task) if task else {"task": None}
    words = {"effects": playground.EFFECTS, "tools": playground.tools()}
    return render_template("pages/playground.html", tried=tried, draft=tried, **words, **shown)


def result_of(task: Task) -> dict[str, object]:
    """What the result shows."""
    # Read before the rest: what the rest then shows is at least as new as the number says.
    seen = task.event_count
    mine = select(Step).where(Step.task_id == task.id, Step.superseded_at.is_(None)).order_by(Step.position)
    steps = list(db.session.scalars(mine))
    return {
        "task": task,
        "seen": seen,
        "step": steps[-1] if steps else None,
        "why": why_queued(task) if task.state == State.QUEUED else "",
        "results": artifacts_of(db.session(), task),
        "limits": kept(steps[-1].limits) if steps else [],
    }
