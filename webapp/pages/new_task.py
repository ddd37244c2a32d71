"""Hand in a task: choose a template and fill its form in, or paste a playbook.

The form is made from the schema of the inputs (schema_form.py); what was sent comes back whole when something in it
is wrong (new_task_form.py).  What is checked, and where: tasks/orders/submission.py.
"""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from models.errors import Conflict, InvalidInput
from tasks.orders.submission import submit
from tasks.plans import catalog
from tasks.plans.kept import AnyPlan, parsed
from tasks.plans.model_plan import ModelPlan
from tasks.plans.plan_text import parse
from tasks.plans.playbook import PlannedCall, dry_run
from webapp import gate
from webapp.new_task_form import Draft, durations, form_words
from webapp.pages.task import the_task
from webapp.playbook_text import as_written
from webapp.thinking_form import Thinking

page = Blueprint("new_task", __name__)
page.app_context_processor(form_words)

EXAMPLE = """\
name: count-words
title: Count the words of a file
complexity: 2
inputs:
  type: object
  required: [text]
  properties:
    text:
      type: string
      format: source
      title: Text file
steps:
  - name: count
    title: Count the words
    stage: build
    tool: terminal.run
    with:
      command: [wc, -w, "{{ input.path }}"]
  - name: note
    title: Write the result down
    stage: review
    tool: files.write
    with:
      path: output/count.txt
      text: "{{ steps.count.output.stdout }}"
"""


@page.get("/tasks/new")
def choose() -> ResponseReturnValue:
    """The templates to choose from."""
    gate.allow("template:read")
    return render_template("pages/new_task.html", templates=catalog.templates(), durations=durations())


@page.get("/tasks/new/from/<slug>")
def form(slug: str) -> ResponseReturnValue:
    """The template's form; with `again`, filled in as that task was."""
    gate.allow("template:read")
    template = catalog.find(slug)
    again = the_task(request.args["again"]) if request.args.get("again") else None
    draft = Draft.like(again) if again else Draft(complexity=template.complexity)
    if isinstance(template.plan, ModelPlan):
        before = parsed(again.plan.content) if again else template.plan
        draft.thinking = Thinking.of(before if isinstance(before, ModelPlan) else template.plan, template.plan)
    elif again:
        draft.asks = [name for name in again.plan.content.get("approvals", []) if name not in template.plan.approvals]
    return _template_form(template, draft)


@page.post("/tasks/new/from/<slug>")
def hand_in(slug: str) -> ResponseReturnValue:
    """Submit it, or show the form again with what is wrong."""
    gate.allow("task:submit")
    template = catalog.find(slug)
    draft = _sent(template)
    return submitted(draft, template=slug) or (_template_form(template, draft), 422)


@page.post("/tasks/new/from/<slug>/plan")
def plan(slug: str) -> ResponseReturnValue:
    """What the template would call with what stands in the form now."""
    gate.allow("template:read")
    template = catalog.find(slug)
    draft = Draft.sent(template.plan, request.form, {})
    if isinstance(template.plan, ModelPlan):
        draft.thinking = Thinking.sent(request.form, template.plan)
        return render_template("parts/model_plan.html", draft=draft, plan=template.plan)
    return render_template("parts/dry_run.html", template=template, draft=draft, calls=_calls(template.plan, draft))


@page.get("/tasks/new/playbook")
def own() -> ResponseReturnValue:
    """A place to paste a playbook; with `again`, that task's."""
    gate.allow("playbook:check")
    if not request.args.get("again"):
        return _playbook_form(EXAMPLE, Draft(complexity=None))
    task = the_task(request.args["again"])
    return _playbook_form(as_written(task.plan.content), Draft.like(task))


@page.post("/tasks/new/playbook")
def hand_in_own() -> ResponseReturnValue:
    """Submit it, or show the form again with what is wrong."""
    gate.allow("task:submit")
    text = request.form.get("playbook", "")
    draft = Draft.sent(_parsed(text)[0], request.form, request.files)
    return submitted(draft, playbook=text) or (_playbook_form(text, draft), 422)


@page.post("/tasks/new/playbook/check")
def check() -> ResponseReturnValue:
    """What is wrong with the playbook as it stands; its inputs and what it would call when nothing is."""
    gate.allow("playbook:check")
    text = request.form.get("playbook", "")
    draft = Draft.sent(_parsed(text)[0], request.form, {})
    return render_template("parts/playbook_checked.html", **_checked(text, draft))


def _sent(template: catalog.Template) -> Draft:
    draft = Draft.sent(template.plan, request.form, request.files)
    if isinstance(template.plan, ModelPlan):
        draft.thinking = Thinking.sent(request.form, template.plan)
        draft.problems += draft.thinking.problems()
    return draft


def _template_form(template: catalog.Template, draft: Draft) -> str:
    calls = _calls(template.plan, draft)
    return render_template(
        "pages/new_from_template.html",
        template=template,
        draft=draft,
        fields=draft.fields(template.plan),
        calls=calls,
        has_changed=_has_changed(template, draft),
    )


def _calls(plan: AnyPlan, draft: Draft) -> list[PlannedCall]:
    """What it would call with what stands in the form."""
    return dry_run(plan.model_copy(update={"approvals": [*plan.approvals, *draft.asks]}), draft.inputs)


def _has_changed(template: catalog.Template, draft: Draft) -> bool:
    """Whether the task that is run again followed another plan than the template's of today."""
    if not draft.cloned_from:
        return False
    before = the_task(draft.cloned_from).plan.content
    if isinstance(template.plan, ModelPlan):
        # What the person said stands in the plan too: only the template's own version tells.
        return bool(before.get("version") != template.plan.version)
    today = template.plan.model_dump(mode="json", by_alias=True)
    # The person may have added approvals; what the template itself demands is among them.
    is_demanding = set(today["approvals"]) <= set(before.get("approvals", []))
    return not is_demanding or {**before, "approvals": today["approvals"]} != today


def _playbook_form(text: str, draft: Draft) -> str:
    return render_template("pages/new_from_playbook.html", text=text, **_checked(text, draft))


def _checked(text: str, draft: Draft) -> dict[str, Any]:
    playbook, problems = _parsed(text)
    if playbook is None:
        return {"draft": draft, "problems": problems, "fields": [], "calls": [], "playbook": None}
    calls = _calls(playbook, draft)
    return {"draft": draft, "problems": [], "fields": draft.fields(playbook), "calls": calls, "playbook": playbook}


def _parsed(text: str) -> tuple[AnyPlan | None, list[Any]]:
    try:
        return parse(text), []
    except InvalidInput as error:
        return None, sorted(error.problems, key=lambda problem: problem.get("line") or 0)


def submitted(draft: Draft, template: str | None = None, playbook: str | None = None) -> ResponseReturnValue | None:
    """The way to the new task; None when the draft has problems, which it then knows."""
    if draft.problems:
        return None
    try:
        task = submit(draft.order(template, playbook)).task
    except Conflict:
        # The same form, sent again after a way back, with other contents: that is another task.
        task = submit(draft.order(template, playbook, with_key=False)).task
    except InvalidInput as error:
        draft.problems = error.problems
        return None
    if draft.start_at and task.waits_until is None:
        flash("Its start time has passed: it begins at once.", "succeeded")
    return redirect(url_for("task.show", task_id=task.id), 303)
