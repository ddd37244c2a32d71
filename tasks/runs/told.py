"""What a tool tells while it works (`Context.tell`), on its way to the task's timeline.

Tools tell from any thread; rows are written by the run's own thread alone, whose writes are fenced.  A program can
make its tool tell without end, so of each kind the first are events of their own and the others are counted.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError

from tasks.logs import logger
from tasks.runs.outcome import clean

Telling = tuple[str, dict[str, Any]]
"""An event's kind and its data."""

MOST_OF_A_KIND = 50
LONGEST_TEXT = 300
WRITE_EVERY_S = 0.5
REST_S = 5.0
SUMMED = ("sent_bytes", "received_bytes")
LEFT_OUT = "events.left_out"
log = logger(__name__)


def later() -> None:
    """What was noted is written with what comes next."""


class Told:
    """Takes what is told and hands it to `note`; `write` then puts what was noted on the timeline, all or nothing."""

    def __init__(self, note: Callable[[list[Telling]], None], write: Callable[[], None] = later) -> None:
        self._note = note
        self._write = write
        self._lock = threading.Lock()
        self._waiting: list[Telling] = []
        self._seen: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()
        self._sums: Counter[str] = Counter()
        self._writer = threading.get_ident()
        self._due_at = time.monotonic() + WRITE_EVERY_S

    def tell(self, kind: str, **details: Any) -> None:
        """Take an event; never waits."""
        with self._lock:
            self._seen[kind] += 1
            if self._seen[kind] > MOST_OF_A_KIND:
                self._left_out[kind] += 1
                self._sums.update({name: int(details[name]) for name in SUMMED if details.get(name)})
            else:
                self._waiting.append((kind, _bounded(details)))

    def write_if_due(self) -> None:
        """Write what waits, once in a while; where the database is away, later."""
        if threading.get_ident() != self._writer or time.monotonic() < self._due_at:
            return
        self._due_at = time.monotonic() + WRITE_EVERY_S
        self._note_waiting()
        try:
            self._write()
        except (OperationalError, InterfaceError) as error:
            # The call goes on; at its end everything must be written, and whoever writes it waits for the database.
            self._due_at = time.monotonic() + REST_S
            log.warning("told.waits", error=str(error.orig))

    def end(self) -> None:
        """Note all that was told, and how much was only counted."""
        with self._lock:
            if self._left_out:
                self._waiting.append((LEFT_OUT, {"counts": dict(self._left_out), **self._sums}))
                self._left_out.clear()
        self._note_waiting()

    def _note_waiting(self) -> None:
        with self._lock:
            taken, self._waiting = self._waiting, []
        if taken:
            self._note(taken)


def _bounded(details: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = clean(details)
    return {name: value[:LONGEST_TEXT] if isinstance(value, str) else value for name, value in known.items()}
