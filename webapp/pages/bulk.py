"""One thing done to all tasks that match the filters: first how many, then so many a request until it is done.

What is done, and to which: tasks/control/bulk.py.  With scripts the dialog goes on by itself and shows how far it is;
without them each press of a button does a few seconds' worth.
"""

import time
from collections import Counter
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from models.task_list import Filters
from tasks.control import bulk
from webapp import gate
from webapp.ask import Question, ask, is_part
from webapp.pages.dead_letters import reason_is
from webapp.pages.tasks import filters_of, where_of

page = Blueprint("bulk", __name__)

A_CALL = 100
FIRST_CALL = 20
"""So that a person sees soon that it works."""
PATIENCE_S = 4.0
WHY = "why."


@dataclass(frozen=True)
class Words:
    """How an action is spoken of: `do` in a question, `doing` while it works, `done` afterwards."""

    do: str
    doing: str
    done: str
    says: str
    is_harm: bool = False


WORDS = {
    "cancel": Words(
        "Cancel", "Cancelling", "cancelled",
        "What runs is ended at once with every process of it; what waits never begins. Finished steps and files stay.",
        is_harm=True,
    ),
    "pause": Words("Pause", "Pausing", "paused", "What runs pauses after its step; what waits is not taken."),
    "resume": Words("Resume", "Resuming", "resumed", "Each goes on from its last finished step."),
    "retry": Words("Retry", "Retrying", "retried", "Each goes on from the step that did not succeed."),
    "dismiss": Words("Dismiss", "Dismissing", "dismissed", "They leave the dead letters, and stay failed."),
}  # fmt: skip


@page.get("/tasks/all/<action>")
def ask_all(action: str) -> ResponseReturnValue:
    """How many it would be done to, and a few of them."""
    gate.allow("task:control")
    filters = _filters(request.args)
    found, words = bulk.preview(action, filters), WORDS[action]
    if not found.count:
        return ask(_nothing(words, filters))
    return ask(
        Question(
            title=f"{words.do} {found.in_words}?",
            action=url_for("bulk.perform", action=action),
            yes=f"{words.do} {found.in_words}",
            back=_back(filters),
            says=[words.says],
            examples=[task.title for task in found.examples],
            more=found.count - len(found.examples),
            is_harm=words.is_harm,
            is_long=True,
            hidden=_hidden(filters) | {"total": str(found.count)},
        )
    )


@page.post("/tasks/all/<action>")
def perform(action: str) -> ResponseReturnValue:
    """Do it to some more of them, and say how far it is."""
    gate.allow("task:control")
    filters = _filters(request.form)
    done, refused = _number("done"), Counter(_refused())
    cursor, until = request.form.get("cursor") or None, time.monotonic() + PATIENCE_S
    while True:
        step = bulk.perform(action, filters, A_CALL if cursor else FIRST_CALL, cursor)
        done, cursor = done + step.done, step.cursor
        refused.update(step.reasons)
        if cursor is None or is_part() or time.monotonic() > until:
            break
    answer: Response = make_response(
        render_template(
            "parts/bulk.html" if is_part() else "pages/bulk.html",
            words=WORDS[action],
            done=done,
            refused=refused,
            why=WHY,
            left=step.left,
            total=max(_number("total"), done + refused.total() + step.left),
            cursor=cursor,
            hidden=_hidden(filters),
            address=url_for("bulk.perform", action=action),
            back=_back(filters),
        )
    )
    answer.headers["HX-Trigger"] = "opscore-done"
    return answer


def _filters(given: "MultiDict[str, str]") -> Filters:
    filters = filters_of(given)
    code = given.get("code")
    more = (reason_is(code),) if code else ()
    return Filters(
        filters.state,
        filters.agent,
        filters.complexity,
        filters.q,
        filters.family,
        dead_letters="dead_letters" in given,
        more=more,
    )


def _hidden(filters: Filters) -> dict[str, str]:
    given = request.values
    kept = {name: given[name] for name in ("dead_letters", "code") if given.get(name)}
    return where_of(filters) | kept


def _back(filters: Filters) -> str:
    view = "dead_letters.show" if filters.dead_letters else "tasks.show"
    return url_for(view, **where_of(filters))  # type: ignore[arg-type]  # none of its own options is a filter


def _refused() -> dict[str, int]:
    """Why the calls before were refused, each reason with how many tasks: the form brings it along."""
    return {name.removeprefix(WHY): _number(name) for name in request.form if name.startswith(WHY)}


def _number(name: str) -> int:
    text = request.form.get(name, "")
    return int(text) if text.isdecimal() else 0


def _nothing(words: Words, filters: Filters) -> Question:
    return Question(
        title=f"Nothing to {words.do.lower()}",
        action="",
        yes="",
        back=_back(filters),
        says=["None of the tasks that match is in a state that allows it."],
        no="Close",
    )
