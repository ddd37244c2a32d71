"""The playground: try a tool, or a model with a message, and see what it does and costs.

How a try becomes a task: webapp/playground.py, webapp/model_try.py.
"""

from dataclasses import replace

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from models.columns import new_id
from models.database import db
from models.errors import Conflict, InvalidInput
from models.states import State
from models.step import Step
from models.task import Task
from tasks.orders.submission import submit
from tasks.queueing.reasons import why_queued
from tools.contract import Effect
from tools.limits import kept
from webapp import gate, model_list, model_try, playground
from webapp.ask import Question, ask
from webapp.model_try import ModelTry
from webapp.pages.task import the_task
from webapp.playground import Try
from webapp.transcript.spent import spent

page = Blueprint("playground", __name__)

FIRST = "python.run"
SURE = "sure"


@page.get("/playground")
def show() -> ResponseReturnValue:
    """The form of a tool; of a `task` that was made here also what it came to."""
    gate.allow("template:read")
    if request.args.get("task"):
        task = the_task(request.args["task"])
        return _tool_form(Try.of(task), task)
    return _tool_form(Try(playground.the_tool(request.args.get("tool", FIRST))))


@page.post("/playground/tools/<name>")
def try_tool(name: str) -> ResponseReturnValue:
    """Submit the one-step task, or show the form again with what is wrong; ask first what must not be done twice."""
    gate.allow("task:submit")
    tried = Try.sent(playground.the_tool(name), request.form)
    if tried.tool.effect == Effect.ONCE and not tried.problems and SURE not in request.form:
        return _ask(tried)
    if task := _submitted(tried):
        return redirect(url_for("playground.show", task=task.id) + "#task-head", 303)
    return _tool_form(tried), 422


@page.get("/playground/model")
def show_model() -> ResponseReturnValue:
    """The form for a message; of a `task` that was made here also what it came to."""
    gate.allow("template:read")
    if request.args.get("task"):
        task = the_task(request.args["task"])
        return _model_form(ModelTry.of(task), task)
    return _model_form(ModelTry(model=request.args.get("model", "")))


@page.post("/playground/model")
def try_model() -> ResponseReturnValue:
    """Submit the task of one answer, or show the form again with what is wrong."""
    gate.allow("task:submit")
    tried = ModelTry.sent(request.form)
    if task := _submitted(tried):
        return redirect(url_for("playground.show_model", task=task.id) + "#task-head", 303)
    return _model_form(tried), 422


@page.get("/playground/tasks/<task_id>/live")
def live(task_id: str) -> ResponseReturnValue:
    """What a try has come to, as it is now."""
    return render_template("parts/playground_live.html", **_result(the_task(task_id)))


def _submitted(tried: Try | ModelTry) -> Task | None:
    """The new task; None where something is wrong, which the form then says."""
    if tried.problems:
        return None
    try:
        # By the key of its form what is sent twice is one task.
        return submit(replace(tried.order, idempotency_key=f"form:{_form_key()}")).task
    except Conflict:
        # The same form, sent again after a way back, with other contents: that is another try.
        return submit(tried.order).task
    except InvalidInput as error:
        tried.problems = error.problems
        return None


def _form_key() -> str:
    return request.form.get("key") or new_id()


def _ask(tried: Try) -> ResponseReturnValue:
    """The question, which brings along what was typed."""
    typed = {name: value for name, value in request.form.items() if name != "csrf_token"}
    return ask(
        Question(
            title=f"Call {tried.tool.name}?",
            action=url_for("playground.try_tool", name=tried.tool.name),
            yes="Call it",
            back=url_for("playground.show", tool=tried.tool.name),
            says=[tried.tool.purpose, playground.EFFECTS[Effect.ONCE]],
            hidden=typed | {"key": _form_key(), SURE: "yes"},
        )
    )


def _tool_form(tried: Try, task: Task | None = None) -> str:
    words = {"effects": playground.EFFECTS, "tools": playground.tools()}
    shown = _result(task) if task else {"task": None}
    return render_template("pages/playground.html", tried=tried, draft=tried, form_key=_form_key(), **words, **shown)


def _model_form(tried: ModelTry, task: Task | None = None) -> str:
    shown = _result(task) if task else {"task": None}
    models = model_list.usable(db.session())
    told = {"models": models, "named": model_list.named, "form_key": _form_key()}
    return render_template("pages/playground_model.html", tried=tried, **told, **shown)


def _result(task: Task) -> dict[str, object]:
    """What the result shows."""
    # Read before the rest: what the rest then shows is at least as new as the number says.
    seen = task.event_count
    mine = select(Step).where(Step.task_id == task.id, Step.superseded_at.is_(None)).order_by(Step.position)
    steps = list(db.session.scalars(mine))
    is_model = model_try.is_of_model(task)
    shown = [step for step in steps if not is_model or step.usage or step.state != "succeeded"] or steps
    return {
        "task": task,
        "seen": seen,
        "step": shown[0] if is_model and shown else shown[-1] if shown else None,
        "is_model": is_model,
        "spent": spent(steps),
        "why": why_queued(task) if task.state == State.QUEUED else "",
        "limits": kept(shown[-1].limits) if shown and not is_model else [],
    }
