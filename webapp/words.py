"""States, ranges and sentences in words for people, and what the templates know.

Every page says a thing the same way because it says it through here.  Numbers and times: amounts.py; events:
event_words.py; terminal output: tools/terminal_text.py.
"""

import json
from collections.abc import Callable
from typing import Any

from flask import Flask, request
from markupsafe import Markup, escape

from models.columns import now
from models.states import TERMINAL, Stage, State
from models.step import StepState
from tools.terminal_text import CONTROL, harmless, plain
from webapp import amounts, markdown_text, money

STATE_WORDS: dict[str, str] = {
    State.QUEUED: "Queued",
    State.RUNNING: "Running",
    State.WAITING: "Waiting",
    State.PAUSED: "Paused",
    State.SUCCEEDED: "Succeeded",
    State.FAILED: "Failed",
    State.CANCELLED: "Cancelled",
    StepState.STARTED: "Running",
    StepState.SKIPPED: "Skipped",
}


def neutral(value: Any) -> Any:
    """The value as it comes onto a page: what a program or a stranger wrote cannot reorder or hide the text around.

    Every `{{ … }}` of every template passes here (webapp/__init__.py), so no page can forget it.
    """
    if isinstance(value, Markup):
        # Single characters only: a sequence might begin in one text and end in another, with elements between.
        return Markup(CONTROL.sub("", value))  # noqa: S704  (only takes characters away)
    return harmless(value) if isinstance(value, str) else value


def state_word(state: str) -> str:
    """A task's or a step's state as people read it."""
    return STATE_WORDS[str(state)]


def levels(low: int | None, high: int | None) -> str:
    """A range of complexity: `4`, `4–7`; words when there is none."""
    if low is None or high is None:
        return "named queues only"
    return str(low) if low == high else f"{low}–{high}"


def sentence(text: str) -> str:
    """The text with a full stop at the end and a capital at the front, unless that is the name of something.

    What stands before a colon is one: `ls: cannot access …` is what a program wrote.
    """
    shown = text.strip()
    if not shown:
        return ""
    is_word = shown.split()[0].rstrip(",;").isalpha()
    return (shown[0].upper() if is_word else shown[0]) + shown[1:] + ("" if shown[-1] in ".!?:" else ".")


def marked(text: str, query: str) -> Markup:
    """The text; the beginnings of words that the query's words found stand in <mark>."""
    wanted = [word.lower() for word in query.split()]
    return Markup(" ").join(_marked_word(word, wanted) for word in text.split(" "))


def _marked_word(word: str, wanted: list[str]) -> Markup:
    found = next((each for each in wanted if word.lower().startswith(each)), "")
    if not found:
        return escape(word)
    return Markup("<mark>{}</mark>{}").format(word[: len(found)], word[len(found) :])


def pretty(value: Any) -> str:
    """A JSON value laid out for reading, as plain text."""
    return plain(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def compact(value: Any) -> str:
    """A JSON value on one line; a text as it is."""
    return plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def who(author: str) -> str:
    """Who did something, from a row's author."""
    kind, _, name = author.partition(":")
    return {"person": "you", "program": "a program", "agent": f"the agent {name}"}.get(kind, "OpsCore")


def theme() -> str:
    """`light` or `dark` as chosen in this browser (static/js/theme.js); empty to follow the system."""
    chosen = request.cookies.get("theme", "")
    return chosen if chosen in ("light", "dark") else ""


FILTERS: tuple[Callable[..., Any], ...] = (
    amounts.ago, amounts.utc, amounts.clock, amounts.when, amounts.duration, amounts.size, amounts.number,
    amounts.clock_short, sentence, state_word, marked, pretty, compact, who,
    money.money, money.price, money.price_typed, money.tokens,
)  # fmt: skip
GLOBALS: tuple[Callable[..., Any], ...] = (amounts.between, amounts.counted, amounts.since, amounts.until, levels, now)


def teach(app: Flask) -> None:
    """Give the templates these words."""
    app.jinja_env.filters.update({each.__name__: each for each in FILTERS})
    app.jinja_env.globals.update({each.__name__: each for each in GLOBALS})
    app.jinja_env.filters["markdown"] = markdown_text.shown
    app.jinja_env.globals.update(State=State, STAGES=tuple(Stage), TERMINAL=TERMINAL)
    app.context_processor(lambda: {"theme": theme()})
