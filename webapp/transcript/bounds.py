"""How much of a run a transcript tells, so that it can be made and opened however long the run was."""

from collections.abc import Iterable
from typing import Any, TypeVar

from markupsafe import escape

from webapp.transcript.blocks import Code, Facts, Heading, Part, Rows, Words

AT_ONCE = 100
"""Rows that are read from the database at once."""
MOST_STEPS = 2000
MOST_APPROVALS = 200
MOST_TASKS = 500
MOST_EVENTS = 5000
MOST_FILES = 1000

MEGABYTE = 1_000_000
# Together about 20 MB.
STEPS_BYTES = 12 * MEGABYTE
APPROVALS_BYTES = 3 * MEGABYTE
EVENTS_BYTES = 3 * MEGABYTE
FILES_BYTES = 1 * MEGABYTE

Told = TypeVar("Told")


def within(told: Iterable[Told], most: int) -> list[Told]:
    """The first of them, as many as come to so many bytes."""
    kept: list[Told] = []
    left = most
    for each in told:
        left -= weight(each)
        if left < 0:
            break
        kept.append(each)
    return kept


def weight(told: Any) -> int:
    """The bytes of all its texts as HTML, which is the longer form."""
    match told:
        case str():
            return len(escape(told).encode("utf-8", "replace"))
        case list() | tuple():
            return sum(map(weight, told))
        case Heading() | Facts() | Words() | Code() | Rows() | Part():
            return sum(map(weight, vars(told).values()))
    return 0


def left_out(what: str, shown: int, count: int) -> str:
    """What is said where not all are shown; empty where they are."""
    return f"The first {shown:,} of {count:,} {what} are shown." if shown < count else ""
