"""Server-Sent Events on the wire.

An event is a plain message with an `id:`; output is a message of the type `output` without one, since it is not
kept: a reader that comes back asks for the events after the last id it saw.  Streams themselves: webapp/stream.py.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from flask import Response

from models.event import Event
from webapp.hearing import Output
from webapp.stream import Message

RETRY_MS = 1000


def response(messages: Iterator[Message], id_of: Callable[[Event], str] = lambda event: str(event.number)) -> Response:
    """A streamed answer; `id_of` names an event for `Last-Event-ID`."""
    answer = Response(_lines(messages, id_of), mimetype="text/event-stream")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


def event_json(event: Event) -> dict[str, Any]:
    """An event as programs read it."""
    return {
        "id": event.id,
        "subject_kind": event.subject_kind,
        "subject_id": event.subject_id,
        "number": event.number,
        "kind": event.kind,
        "data": event.data,
        "at": event.at.isoformat().replace("+00:00", "Z"),
    }


def _lines(messages: Iterator[Message], id_of: Callable[[Event], str]) -> Iterator[bytes]:
    yield f"retry: {RETRY_MS}\n\n".encode()
    for message in messages:
        if message is None:
            yield b":\n\n"
        elif isinstance(message, Output):
            output = {"step": message.step, "stream": message.stream, "text": message.text}
            yield f"event: output\n{_data(output)}".encode()
        else:
            yield f"id: {id_of(message)}\n{_data(event_json(message))}".encode()


def _data(data: dict[str, Any]) -> str:
    # JSON has no line breaks, so one line holds all of it.
    return f"data: {json.dumps(data)}\n\n"
