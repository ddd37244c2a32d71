"""`queue list | pause | resume | limit`."""

from typing import TYPE_CHECKING, Any

import click

from tools.terminal_text import one_line
from worker.command_line.emergency import remind
from worker.command_line.frame import MISUSED, Remote, end, frame
from worker.command_line.words import when

if TYPE_CHECKING:
    from opscore_sdk import Queue

COUNTED = 1_000
NONE = "none"


@click.group(short_help="Look at the queues, pause them, limit them.")
def queue() -> None:
    """Look at the queues, pause them, limit how many of their tasks run at a time."""


@queue.command("list", cls=Remote, short_help="List the queues: what waits, what runs, their rules.")
def list_queues() -> None:
    """List the queues: what waits, what runs, who serves them, and their rules."""
    with frame().client() as client:
        found = client.queues.all()
        remind(client)
    frame().show({"queues": found}, lambda: _table(found))


@queue.command(cls=Remote)
@click.argument("name", metavar="QUEUE")
@click.option("--reason", default="", help="Why, for people.")
def pause(name: str, reason: str) -> None:
    """Let nothing more be taken from a queue; what runs goes on."""
    with frame().client() as client:
        found = client.queues.pause(name, reason)
    frame().show(found, lambda: f"{found.name} is paused; {_count(found.depth)} wait in it.")


@queue.command(cls=Remote)
@click.argument("name", metavar="QUEUE")
def resume(name: str) -> None:
    """Let agents take from a queue again."""
    with frame().client() as client:
        found = client.queues.resume(name)
    frame().show(found, lambda: f"{found.name} is open; {_count(found.depth)} wait in it.")


@queue.command(cls=Remote, short_help="Let so many tasks of a queue run at a time.")
@click.argument("name", metavar="QUEUE")
@click.argument("number", metavar="NUMBER|none")
def limit(name: str, number: str) -> None:
    """Let so many tasks of a queue run at a time, on all hosts together; none takes the limit away."""
    wanted = whole_or_none(number)
    with frame().client() as client:
        found = client.queues.limit(name, wanted)
    frame().show(found, lambda: f"{found.name}: {in_words(found.max_running)}.")


def whole_or_none(number: str) -> int | None:
    """The number; ends the command where it is none."""
    if number.strip().lower() == NONE:
        return None
    if not number.strip().isdecimal():
        end(MISUSED, f"{number} is no number of tasks: write one, or none for no limit.")
    return int(number)


def in_words(max_running: int | None) -> str:
    """`3 at a time`."""
    return "no limit" if max_running is None else f"{max_running} at a time"


def _table(found: "list[Queue]") -> Any:
    from rich.table import Table
    from rich.text import Text

    if not found:
        return "There is no queue: no task waits and no agent runs. bin/up starts two agents."
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("QUEUE", "WAIT", "RUN", "LIMIT", "AGENTS", ""):
        table.add_column(name)
    for each in found:
        state = Text(_paused(each), style="magenta") if each.paused_at else Text(_nobody(each), style="yellow")
        limit = "–" if each.max_running is None else str(each.max_running)
        agents = Text(", ".join(each.agents) or "–")
        table.add_row(Text(each.name), _count(each.depth), _count(each.running), limit, agents, state)
    return table


def _paused(each: "Queue") -> str:
    reason = f": {one_line(each.pause_reason)}" if each.pause_reason else ""
    return f"paused at {when(each.paused_at)} by {each.paused_by}{reason}"


def _nobody(each: "Queue") -> str:
    return "no agent serves it" if each.depth and not each.agents else ""


def _count(count: int) -> str:
    return f"more than {COUNTED:,}" if count > COUNTED else f"{count:,}"
