"""Ask before harm is done, and say afterwards what was done: one look for every page.

`ask` answers the GET of an action: what it would do, in the page's dialog (static/js/ask.js) or, where no script runs,
as a page of its own.  `done` answers the POST that follows.  The look: templates/parts/ask.html.
"""

from dataclasses import dataclass, field

from flask import Response, flash, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue


@dataclass(frozen=True)
class Wanted:
    """Something that a person writes before they say yes."""

    name: str
    label: str
    hint: str = ""
    most: int = 300


@dataclass(frozen=True)
class Question:
    """What is about to happen, as it is asked.  `says` is a sentence each, `examples` are rows that it concerns."""

    title: str
    action: str
    """The address that is posted to."""
    yes: str
    back: str
    """Where the person goes who says no, and where no script runs."""
    says: list[str]
    no: str = "Back"
    stays: str = ""
    """What is not touched by it."""
    examples: list[str] = field(default_factory=list)
    more: int = 0
    """How many such rows there are beside the examples."""
    wants: tuple[Wanted, ...] = ()
    is_harm: bool = True
    is_long: bool = False
    """The answer to it stands in the dialog in its turn, and says how far it is."""
    hidden: dict[str, str] = field(default_factory=dict)
    """Fields that go with it unseen."""


def is_part() -> bool:
    """Whether a script of ours asks, and gets a part of a page."""
    return "HX-Request" in request.headers


def ask(question: Question) -> ResponseReturnValue:
    """The question."""
    return render_template("parts/ask.html" if is_part() else "pages/ask.html", asked=question)


def done(words: str, back: str, tone: str = "succeeded", undo: str = "") -> ResponseReturnValue:
    """Say what was done: beside what the person looks at, or on the page `back`; `undo` is posted to take it back."""
    if not is_part():
        flash(words, tone)
        return redirect(back, 303)
    answer: Response = make_response(render_template("parts/done.html", words=words, tone=tone, undo=undo))
    answer.headers["HX-Trigger"] = "opscore-done"
    return answer
