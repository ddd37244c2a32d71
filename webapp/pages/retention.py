"""For how long ended tasks are kept: a rule for each state, with what it would delete now, asked before it is kept.

The rules: tasks/keeping/retention.py.
"""

from dataclasses import dataclass

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from models.errors import InvalidInput
from tasks.keeping import compaction, retention
from tasks.keeping.retention import Due, Rule
from webapp import gate
from webapp.amounts import counted, size
from webapp.ask import Question, ask, done
from webapp.limit_form import begun

page = Blueprint("retention", __name__)

ENDED = {"succeeded": "succeeded", "failed": "failed", "cancelled": "were cancelled"}


@dataclass(frozen=True)
class Shown:
    """A rule as the page shows it: as it is, or as it was typed with what is wrong with it."""

    state: str
    typed: str
    export: bool
    due: Due | None = None
    problem: str = ""


@page.get("/retention")
def show() -> ResponseReturnValue:
    """The rules."""
    gate.allow("retention:read")
    return _page([_shown(rule) for rule in retention.rules()])


@page.post("/retention/<state>/preview")
def preview(state: str) -> ResponseReturnValue:
    """What the rule that is typed would delete now, or what is wrong with it."""
    gate.allow("retention:read")
    return render_template("parts/retention_due.html", rule=_typed(state))


@page.post("/retention/<state>")
def keep(state: str) -> ResponseReturnValue:
    """Keep the rule; asked before where it deletes something at once."""
    gate.allow("retention:change")
    typed = _typed(state)
    if typed.problem:
        rules = [typed if each.state == state else _shown(each) for each in retention.rules()]
        return _page(rules), 422
    if typed.due is not None and typed.due.tasks and "sure" not in request.form:
        return ask(_question(typed))
    rule = retention.set_rule(state, typed.typed, typed.export)
    return done(f"Tasks that {ENDED[state]} are kept {_kept(rule)}.", url_for("retention.show"))


def _typed(state: str) -> Shown:
    typed, export = request.form.get("keep", "").strip(), "export" in request.form
    try:
        rule = retention.read(state, typed, export)
    except InvalidInput as error:
        return Shown(state, typed, export, problem=begun(error.problems[0]["message"]))
    return Shown(state, typed, export, retention.preview(rule))


def _shown(rule: Rule) -> Shown:
    typed = "" if rule.keep_s is None else rule.keep
    return Shown(rule.state, typed, rule.export, retention.preview(rule))


def _question(typed: Shown) -> Question:
    due = typed.due or Due(0, 0, is_more=False)
    count = f"{counted(due.tasks, 'task')}{' and more' if due.is_more else ''}"
    archived = (
        "What their rows say is written to an archive before, in exports/ of the data folder; their files are not."
    )
    return Question(
        title=f"Delete {count}?",
        action=url_for("retention.keep", state=typed.state),
        yes="Keep this rule and delete them",
        no="Leave the rule as it is",
        back=url_for("retention.show"),
        says=[
            f"{count} that {ENDED[typed.state]} longer than {typed.typed} ago go within minutes, with "
            f"{size(due.bytes)} of files and their history. That cannot be undone.",
            archived if typed.export else "Nothing of them is exported before.",
        ],
        stays="Younger tasks stay until their time is over, and so do all that have not ended.",
        hidden={"keep": typed.typed, "sure": "1", **({"export": "on"} if typed.export else {})},
    )


def _kept(rule: Rule) -> str:
    return "for ever" if rule.keep_s is None else f"for {rule.keep}"


def _page(rules: list[Shown]) -> str:
    about = {"size_bytes": compaction.size_bytes(), "gives_back": compaction.gives_back()}
    return render_template("pages/retention.html", rules=rules, ended=ENDED, **about)
