"""Show a task's steps as they come, until it has ended; the exit code says how.

On a terminal it is a table that moves, in a pipe a line per event, with --json an event as JSON per line.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from tools.terminal_text import Neutraliser, one_line, plain
from worker.command_line.endings import why_no_more
from worker.command_line.frame import FAILED, Frame, as_json, console, say
from worker.command_line.words import SIGNS, STATE_STYLES, duration, in_words

if TYPE_CHECKING:
    from opscore_sdk import Event, OpsCoreClient, Output, Task

LINES_OF_OUTPUT = 6
KEPT_CHARACTERS = 4096
PATIENCE_S = 120.0
STANDS = {
    "task.asked": "waiting for a person's answer",
    "task.answered": "queued",
    "task.cancel_requested": "cancelling",
    "task.pause_requested": "pausing after this step",
    "task.pause_withdrawn": "running",
    "task.reopened": "queued again",
    "task.requeued": "queued again",
    "task.resumed": "queued",
    "task.retry_planned": "waiting for its next attempt",
    "task.stop_requested": "pausing now",
}


def follow(told: Frame, client: "OpsCoreClient", task_id: str) -> None:
    """Show the task until it has ended; exits with 1 unless it succeeded."""
    task = client.task(task_id)
    messages = client.stream(task_id, patience=PATIENCE_S)
    if told.is_json:
        _as_lines_of_json(messages)
    elif console().is_terminal:
        _moving(task, messages)
    else:
        _as_lines(messages)
    ended = client.task(task_id)
    if not told.is_json:
        _conclude(told, client, ended)
    if not ended.has_succeeded:
        raise click.exceptions.Exit(FAILED)


def _conclude(told: Frame, client: "OpsCoreClient", task: "Task") -> None:
    from rich.text import Text

    style = STATE_STYLES.get(task.state, "")
    console().print(Text.assemble((task.state.capitalize(), style), ": ", one_line(task.title)))
    if task.has_succeeded and (answer := _answer(client, task)):
        click.echo(f"\n{plain(answer)}\n")
    if task.error_message:
        say(task.error_message)
    if ended := why_no_more(client, task):
        say(ended.capitalize())
    click.echo(f"{told.address()}/tasks/{task.id}")


def _answer(client: "OpsCoreClient", task: "Task") -> str:
    """The last words of the model that worked on it; empty where none did."""
    # Nobody knows the steps of a model before they are done.
    steps = client.steps(task.id) if not task.steps_total else []
    said = [step.stdout for step in steps if step.tool == "model.call" and step.superseded_at is None]
    return said[-1] if said else ""


def _as_lines_of_json(messages: "Iterator[Event | Output]") -> None:
    from opscore_sdk import Event

    for message in messages:
        if isinstance(message, Event):
            click.echo(as_json(message, indent=None))


def _as_lines(messages: "Iterator[Event | Output]") -> None:
    from opscore_sdk import Event

    for message in messages:
        if isinstance(message, Event):
            at = f"{message.at.astimezone():%H:%M:%S %Z}" if message.at else ""
            click.echo(f"{at}  {one_line(in_words(message))}")


def _moving(task: "Task", messages: "Iterator[Event | Output]") -> None:
    view = View(task.title, task.steps_total)
    with _live(view):
        for message in messages:
            view.take(message)


@contextmanager
def _live(view: "View") -> Iterator[None]:
    from rich.live import Live

    with Live(get_renderable=view.draw, console=console(), refresh_per_second=8, transient=False):
        yield


class View:
    """What is known of the task so far, drawn again and again."""

    def __init__(self, title: str, total: int) -> None:
        from rich.spinner import Spinner

        self._title = title
        self._total = total
        self._state = "queued"
        self._steps: dict[str, dict[str, Any]] = {}
        self._output = ""
        self._neutral: dict[tuple[str, str], Neutraliser] = {}
        self._spinner = Spinner("dots")

    def take(self, message: "Event | Output") -> None:
        """Learn what the message says."""
        from opscore_sdk import Output

        if isinstance(message, Output):
            neutral = self._neutral.setdefault((message.step, message.stream), Neutraliser())
            self._output = (self._output + neutral.feed(message.text))[-KEPT_CHARACTERS:]
            return
        data = message.data
        if message.kind == "task.claimed":
            self._state = f"running on {data.get('agent', '?')}"
        elif message.kind == "step.started":
            self._output = ""
            self._steps[str(data.get("key"))] = {**data, "state": "started"}
        elif message.kind in ("step.finished", "step.skipped"):
            self._output = ""
            state = "skipped" if message.kind == "step.skipped" else data.get("state", "succeeded")
            self._steps[str(data.get("key"))] = {**self._steps.get(str(data.get("key")), {}), **data, "state": state}
        elif message.kind.startswith("task.") and message.kind != "task.submitted":
            self._state = STANDS.get(message.kind, message.kind.removeprefix("task."))

    def draw(self) -> Any:
        """The table as it stands."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        for step in self._steps.values():
            sign, style = SIGNS.get(step["state"], ("", ""))
            mark = self._spinner if step["state"] == "started" else Text(sign, style=style)
            seconds = step.get("wall_s")
            title = Text(one_line(str(step.get("title") or step.get("key"))))
            took = Text(duration(seconds) if seconds is not None else "", "dim")
            table.add_row(mark, title, Text(str(step.get("tool", "")), "dim"), took)
        done = sum(step["state"] != "started" for step in self._steps.values())
        total = max(self._total, len(self._steps))
        head = Text.assemble(
            (one_line(self._title), "bold"),
            (f"  {self._state}, {done} of {total} step{'' if total == 1 else 's'}", "dim"),
        )
        lines = self._output.splitlines()[-LINES_OF_OUTPUT:]
        return Group(head, table, *(Text(f"    {line[:160]}", "dim") for line in lines))
