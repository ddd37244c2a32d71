"""Follow a task's timeline over Server-Sent Events, through restarts of the server.

The number of the last event that was seen is what a new connection goes on from, so none is missed and none comes
twice.  Output that was printed while nobody was connected is lost; it stands in the step when that ends.
"""

import json
import time
from collections.abc import Iterator

import requests

from opscore_sdk.connection import Connection
from opscore_sdk.exceptions import ServerFailed, Unreachable
from opscore_sdk.models import Event, Output

# The server says at least every 10 seconds that it is alive.
SILENCE_S = 35.0
PAUSE_S = 0.5


def stream(connection: Connection, task_id: str, after: int, patience: float) -> Iterator[Event | Output]:
    """Events above `after` and output until the task has ended; `patience` is for a server that is away.

    Raises:
        Unreachable: the server was away for longer.
    """
    last, away_since = after, None
    while True:
        try:
            for message in _connected(connection, task_id, last):
                away_since = None
                if message is None:
                    continue
                yield message
                if isinstance(message, Event):
                    last = message.number
                    if message.is_end:
                        return
        except (Unreachable, ServerFailed):
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > patience:
                raise
        time.sleep(PAUSE_S)


def _connected(connection: Connection, task_id: str, after: int) -> Iterator[Event | Output | None]:
    """What one connection brings; None for a sign of life."""
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
    with connection.opened(f"/v1/tasks/{task_id}/events", headers, SILENCE_S) as answer:
        kind, data = "message", ""
        for line in _lines(answer):
            if line:
                name, _, value = line.partition(":")
                kind = value.strip() if name == "event" else kind
                data = value.strip() if name == "data" else data
                continue
            yield _read(kind, data) if data else None
            kind, data = "message", ""


def _lines(answer: requests.Response) -> Iterator[str]:
    # Not iter_lines(): it waits for a full chunk, and what comes must be shown at once.
    rest = b""
    for chunk in answer.iter_content(chunk_size=None):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode() for line in lines)


def _read(kind: str, data: str) -> Event | Output:
    value = json.loads(data)
    return Output.read(value) if kind == "output" else Event.read(value)
