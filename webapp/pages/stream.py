"""What happens, as it happens: one stream for every page, one for an open task, and the notices they lead to.

Streams only say that something is new; the page then asks for the part that changed (static/js/live.js), so what
it shows always comes from the database.  Streams themselves: webapp/stream.py.
"""

from collections.abc import Iterator
from dataclasses import replace

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from tools.terminal_text import Neutraliser
from webapp import gate, sse, stream
from webapp.hearing import Output
from webapp.pages.task import the_task
from webapp.stream import Message

page = Blueprint("stream", __name__)


@page.get("/stream")
def listen() -> ResponseReturnValue:
    """The events of everything from now on; their SSE ids are the events' own."""
    gate.allow("event:read")
    after = request.headers.get("Last-Event-ID") or request.args.get("after") or None
    return sse.response(stream.everything(after), id_of=lambda event: event.id)


@page.get("/tasks/<task_id>/stream")
def follow(task_id: str) -> ResponseReturnValue:
    """The task's events after the number in `Last-Event-ID` or `after`, and its live output."""
    task = the_task(task_id)
    gate.allow("event:read", task)
    number = request.headers.get("Last-Event-ID") or request.args.get("after", "")
    return sse.response(_neutral(stream.timeline(task.id, int(number) if number.isdecimal() else 0)))


@page.get("/tasks/<task_id>/notice")
def notice(task_id: str) -> ResponseReturnValue:
    """The notice that the task ended or needs a person; nothing when it does neither by now."""
    task = the_task(task_id)
    return render_template("parts/task_notice.html", task=task)


def _neutral(messages: Iterator[Message]) -> Iterator[Message]:
    """The same messages; what a step printed cannot steer a terminal any more."""
    filters: dict[tuple[str, str], Neutraliser] = {}
    for message in messages:
        if isinstance(message, Output):
            text = filters.setdefault((message.step, message.stream), Neutraliser()).feed(message.text)
            if text:
                yield replace(message, text=text)
        else:
            yield message
