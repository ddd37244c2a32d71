"""The schedules: all of them, one with its times, the form of a new one or of one that is changed.

The form: webapp/schedule_form.py.  What a schedule does: tasks/scheduling/schedules.py, and when its time comes
tasks/scheduling/firing.py.
"""

from dataclasses import replace
from typing import Any, cast

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from models import schedule_list
from models.database import db
from models.errors import InvalidInput, Problem
from models.schedule import Schedule
from tasks.orders import model_order
from tasks.orders.submission import Order
from tasks.plans import catalog
from tasks.plans.kept import AnyPlan
from tasks.plans.plan_text import parse
from tasks.plans.playbook import dry_run
from tasks.scheduling import recurrence, schedules
from tasks.scheduling.recurrence import Recurrence
from webapp import gate, glance, limit_form, schedule_form
from webapp.ask import Question, ask, done, is_part
from webapp.new_task_form import Draft, retry_as_typed
from webapp.pages.new_task import EXAMPLE
from webapp.pages.task import checked_id
from webapp.playbook_text import as_written
from webapp.schedule_form import When

page = Blueprint("schedules", __name__)

AT_ONCE = 100
FIRINGS = 50


@page.app_context_processor
def _words() -> dict[str, object]:
    return {
        "schedule_words": schedule_form,
        "schedule_state": schedules.state_of,
        "schedule_named": _named,
        "rule_in_words": _rule_in_words,
    }


@page.get("/schedules")
def show() -> ResponseReturnValue:
    """All schedules by name; the list asks for itself again."""
    gate.allow("schedule:read")
    found = schedule_list.listed(db.session(), request.args.get("after", ""), AT_ONCE + 1)
    after = found[AT_ONCE - 1].schedule.name if len(found) > AT_ONCE else None
    return render_template("pages/schedules.html", found=found[:AT_ONCE], after=after)


@page.get("/schedules/new")
def choose() -> ResponseReturnValue:
    """What to submit: a template or a playbook of one's own."""
    gate.allow("template:read")
    return render_template("pages/schedule_new.html", templates=catalog.templates())


@page.get("/schedules/new/from/<slug>")
def form(slug: str) -> ResponseReturnValue:
    """The form of a schedule that submits the template."""
    gate.allow("template:read")
    template = catalog.find(slug)
    return _form(When(), Draft(complexity=template.complexity), template=template)


@page.post("/schedules/new/from/<slug>")
def hand_in(slug: str) -> ResponseReturnValue:
    """Make it, or show the form again with what is wrong."""
    gate.allow("schedule:change")
    template = catalog.find(slug)
    when, draft = When.sent(request.form), Draft.sent(template.plan, request.form, request.files)
    return _kept(when, draft, template=slug) or (_form(when, draft, template=template), 422)


@page.get("/schedules/new/playbook")
def own() -> ResponseReturnValue:
    """The form of a schedule that submits a playbook."""
    gate.allow("playbook:check")
    return _form(When(), Draft(complexity=None), text=EXAMPLE)


@page.post("/schedules/new/playbook")
def hand_in_own() -> ResponseReturnValue:
    """Make it, or show the form again with what is wrong."""
    gate.allow("schedule:change")
    text = request.form.get("playbook", "")
    when, draft = When.sent(request.form), Draft.sent(_parsed(text), request.form, request.files)
    return _kept(when, draft, playbook=text) or (_form(when, draft, text=text), 422)


@page.post("/schedules/preview")
def preview() -> ResponseReturnValue:
    """The next five times of what stands in the form, in its zone and in UTC; or what is wrong."""
    gate.allow("schedule:read")
    return render_template("parts/schedule_preview.html", preview=schedule_form.preview(When.sent(request.form)))


@page.get("/schedules/<schedule_id>")
def one(schedule_id: str) -> ResponseReturnValue:
    """One schedule: when it comes, what it submits, and its times with their tasks."""
    schedule = _schedule(schedule_id, "schedule:read")
    return render_template(
        "pages/schedule.html",
        schedule=schedule,
        times=schedule_form.in_zone(schedules.next_times(schedule), schedule.time_zone),
        firings=schedule_list.firings(db.session(), schedule.id, limit=FIRINGS),
        history=glance.happened(db.session(), schedule.id),
    )


@page.get("/schedules/<schedule_id>/edit")
def edit(schedule_id: str) -> ResponseReturnValue:
    """Its form."""
    schedule = _schedule(schedule_id, "schedule:change")
    order = schedules.order_of(schedule)
    draft = Draft(
        title=order.title or "",
        description=order.description,
        complexity=order.complexity,
        priority=order.priority,
        agent=order.agent or "",
        limits={name: str(value) for name, value in order.limits.items()},
        deadline=str(order.deadline or ""),
        retry=retry_as_typed(order.retry),
        inputs=dict(order.inputs),
    )
    return _form(When.like(schedule), draft, schedule, **_source(schedule))


@page.post("/schedules/<schedule_id>/edit")
def change(schedule_id: str) -> ResponseReturnValue:
    """Change it, or show the form again with what is wrong."""
    schedule = _schedule(schedule_id, "schedule:change")
    source = _source(schedule)
    if "text" in source:
        source["text"] = request.form.get("playbook", "")
    playbook = source["template"].plan if "template" in source else _parsed(source["text"])
    when, draft = When.sent(request.form), Draft.sent(playbook, request.form, request.files)
    named = {"template": source["template"].slug} if "template" in source else {"playbook": source["text"]}
    return _kept(when, draft, schedule, **named) or (_form(when, draft, schedule, **source), 422)


@page.post("/schedules/<schedule_id>/pause")
def pause(schedule_id: str) -> ResponseReturnValue:
    """Submit nothing until it is resumed."""
    schedule = schedules.pause(_schedule(schedule_id, "schedule:change").id)
    return done(f"“{schedule.name}” is paused.", _home_of(schedule))


@page.post("/schedules/<schedule_id>/resume")
def resume(schedule_id: str) -> ResponseReturnValue:
    """Go on with the next time from now."""
    schedule = schedules.resume(_schedule(schedule_id, "schedule:change").id)
    return done(f"“{schedule.name}” goes on with its next time.", _home_of(schedule))


@page.post("/schedules/<schedule_id>/run")
def run(schedule_id: str) -> ResponseReturnValue:
    """Submit its task at once."""
    schedule = _schedule(schedule_id, "schedule:change")
    gate.allow("task:submit")
    try:
        schedules.run_now(schedule.id)
    except InvalidInput as error:
        return done(f"Not submitted: {limit_form.begun(error.problems[0]['message'])}.", _home_of(schedule), "failed")
    return done(f"“{schedule.name}” submitted its task.", _home_of(schedule))


@page.get("/schedules/<schedule_id>/delete")
def ask_delete(schedule_id: str) -> ResponseReturnValue:
    """What would go, and what stays."""
    schedule = _schedule(schedule_id, "schedule:change")
    return ask(
        Question(
            title=f"Delete the schedule “{schedule.name}”?",
            action=url_for("schedules.delete", schedule_id=schedule.id),
            yes="Delete the schedule",
            no="Keep it",
            back=_home_of(schedule),
            says=["It submits nothing any more, and the record of its times is deleted with it."],
            stays="The tasks that it submitted stay, with their files.",
        )
    )


@page.post("/schedules/<schedule_id>/delete")
def delete(schedule_id: str) -> ResponseReturnValue:
    """Delete it."""
    schedule = _schedule(schedule_id, "schedule:change")
    schedules.remove(schedule.id)
    words, home = f"“{schedule.name}” is deleted.", url_for("schedules.show")
    if is_part():
        # The page that it was asked on is about what is gone.
        flash(words, "succeeded")
        return "", 200, {"HX-Redirect": home}
    return done(words, home)


def _schedule(schedule_id: str, permission: str) -> Schedule:
    schedule = schedules.find(checked_id(schedule_id))
    gate.allow(permission, schedule)
    return schedule


def _home_of(schedule: Schedule) -> str:
    return url_for("schedules.one", schedule_id=schedule.id)


def _kept(when: When, draft: Draft, before: Schedule | None = None, **source: str) -> ResponseReturnValue | None:
    """The way to the schedule; None when something is wrong, which the form then knows."""
    if draft.problems:
        return None
    order = draft.order(source.get("template"), source.get("playbook"), with_key=False)
    if before is not None:
        order = replace(order, **_not_shown(schedules.order_of(before)))
    try:
        wanted = when.wanted(order)
        kept = schedules.change(before.id, wanted) if before else schedules.create(wanted)
    except InvalidInput as error:
        when.problems = error.problems
        draft.problems = [Problem(**{**each, "path": each["path"].removeprefix("order.")}) for each in error.problems]
        return None
    return redirect(_home_of(kept), 303)


def _source(schedule: Schedule) -> dict[str, Any]:
    """Its template, or the text of its plan; what only words asked for is such a text too."""
    order = schedules.order_of(schedule)
    if order.template:
        return {"template": catalog.find(order.template)}
    return {"text": order.playbook or as_written(_asked(order))}


def _asked(order: Order) -> dict[str, Any]:
    plan, _ = model_order.read(order, model_order.asked())
    return plan.model_dump(mode="json", by_alias=True)


def _not_shown(order: Order) -> dict[str, Any]:
    """What the order says beside its plan and the form has no fields for: it stays."""
    return {name: getattr(order, name) for name in model_order.SAID} if order.template or order.playbook else {}


def _form(
    when: When,
    draft: Draft,
    schedule: Schedule | None = None,
    template: catalog.Template | None = None,
    text: str | None = None,
) -> str:
    about = {"template": template, **_of(template.plan, draft)} if template else _checked(text or "", draft)
    return render_template(
        "pages/schedule_form.html",
        when=when,
        draft=draft,
        schedule=schedule,
        text=text,
        preview=schedule_form.preview(when),
        is_schedule=True,
        **about,
    )


def _checked(text: str, draft: Draft) -> dict[str, Any]:
    """What the text comes to, or what is wrong with it."""
    try:
        return {"problems": [], **_of(parse(text), draft)}
    except InvalidInput as error:
        return {"problems": error.problems, "fields": [], "calls": [], "playbook": None}


def _of(playbook: AnyPlan, draft: Draft) -> dict[str, Any]:
    calls = dry_run(playbook, draft.inputs)
    return {"playbook": playbook, "fields": draft.fields(playbook), "calls": calls}


def _parsed(text: str) -> AnyPlan | None:
    return cast(AnyPlan | None, _checked(text, Draft())["playbook"])


def _named(schedule_id: str) -> str | None:
    """The schedule's name; None when it was deleted."""
    return db.session.scalar(select(Schedule.name).where(Schedule.id == schedule_id))


def _rule_in_words(schedule: Schedule) -> str:
    return recurrence.in_words(Recurrence(schedule.repeats, schedule.rule, schedule.time_zone))
