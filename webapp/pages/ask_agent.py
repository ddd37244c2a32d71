"""Ask an agent: say in words what shall be done, and within what; a model decides how.

The third way to a new task, beside templates and playbooks (new_task.py).  What is said about the model's work:
webapp/thinking_form.py.  What is checked, and where: tasks/orders/submission.py, tasks/orders/model_order.py.
"""

import json
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from models.errors import Problem
from tasks.orders import model_order
from tasks.plans.kept import parsed
from tasks.plans.model_plan import ModelPlan
from webapp import gate, tool_words
from webapp.new_task_form import Draft
from webapp.pages.new_task import submitted
from webapp.pages.task import the_task
from webapp.thinking_form import LIMITS, Thinking, typed

page = Blueprint("ask_agent", __name__)

USUAL_COMPLEXITY = 3


@page.app_context_processor
def _words() -> dict[str, object]:
    return {
        "base_budget": lambda plan: typed(plan.budget),
        "budget_limits": LIMITS,
        "tool_groups": tool_words.grouped,
    }


@page.get("/tasks/new/ask")
def form() -> ResponseReturnValue:
    """The empty form; with `again`, filled in as that task was."""
    gate.allow("task:submit")
    if not request.args.get("again"):
        return _form(Draft(complexity=USUAL_COMPLEXITY, thinking=Thinking(model_order.asked())))
    draft = Draft.like(the_task(request.args["again"]))
    draft.thinking = Thinking.of(_base(draft), model_order.asked())
    return _form(draft)


@page.post("/tasks/new/ask")
def hand_in() -> ResponseReturnValue:
    """Submit it, or show the form again with what is wrong."""
    gate.allow("task:submit")
    draft = _sent()
    draft.problems += [*_missing(draft), *(draft.thinking.problems() if draft.thinking else [])]
    return submitted(draft, playbook=_own_plan(draft)) or (_form(draft), 422)


@page.post("/tasks/new/ask/plan")
def plan() -> ResponseReturnValue:
    """Within what the model would work, with what stands in the form now."""
    gate.allow("task:submit")
    return render_template("parts/model_plan.html", draft=_sent(), plan=model_order.asked())


def _form(draft: Draft) -> str:
    base = _base(draft)
    return render_template("pages/ask_agent.html", draft=draft, fields=draft.fields(base), plan=base)


def _sent() -> Draft:
    draft = Draft.sent(model_order.asked(), request.form, request.files)
    draft.thinking = Thinking.sent(request.form, model_order.asked())
    return draft


def _base(draft: Draft) -> ModelPlan:
    """The plan that the form changes: an empty one, or that of the task that is run again."""
    before = parsed(the_task(draft.cloned_from).plan.content) if draft.cloned_from else None
    return before if isinstance(before, ModelPlan) else model_order.asked()


def _own_plan(draft: Draft) -> str | None:
    """Where a task is run again, its plan as it stands in the form: what was taken out of it is no longer in it."""
    if not draft.cloned_from or draft.thinking is None:
        return None
    contents: dict[str, Any] = draft.thinking.instead_of(_base(draft))
    return json.dumps(contents)


def _missing(draft: Draft) -> list[Problem]:
    if draft.description:
        return []
    return [Problem(path="description", line=None, message="say what the agent shall do")]
