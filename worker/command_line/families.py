"""`family TASK` and `say TASK TEXT`: the tasks that came from one, and their channel."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tools.terminal_text import one_line
from worker.command_line.frame import Remote, console, frame, say
from worker.command_line.named import id_of
from worker.command_line.words import STATE_STYLES, in_dollars, steps_done, when

if TYPE_CHECKING:
    from opscore_sdk import Family, Message


@click.command(cls=Remote, short_help="Show a task with all parts that were handed on, and their channel.")
@click.argument("task_id", metavar="TASK")
@click.option("--messages", "most", default=10, show_default=True, type=click.IntRange(0, 200), help="Newest messages.")
def family(task_id: str, most: int) -> None:
    """Show a task with all parts that were handed on, how they stand, and what was written to their channel."""
    with frame().client() as client:
        found = client.family(id_of(client, task_id))
        said = client.messages(found.id, limit=most, newest=True) if most else []
    shown = {"family": found.raw, "messages": [each.raw for each in said]}
    frame().show(shown, lambda: _show(found, said))


@click.command(name="say", cls=Remote, short_help="Write to the channel of a task and its parts.")
@click.argument("task_id", metavar="TASK")
@click.argument("text")
def write(task_id: str, text: str) -> None:
    """Write to the channel of a task and its parts: agents that read it find it, and the page shows it."""
    with frame().client() as client:
        said = client.say(id_of(client, task_id), text)
    frame().show(said, lambda: say(f"Written to the channel as message {said.number}."))


def _show(found: "Family", said: list["Message"]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in ("Task", "State", "Steps", "Agent", "Id"):
        table.add_column(name, no_wrap=name != "Task")
    for task in found.tasks:
        depth = int(task.raw.get("depth") or 0)
        title = Text("  " * depth + one_line(task.title))
        state = Text(task.state, style=STATE_STYLES.get(task.state, ""))
        table.add_row(title, state, steps_done(task.steps_done, task.steps_total), task.agent or "–", task.id)
    console().print(table)
    say("")
    say("; ".join(_sums(found)) + ".")
    for each in said:
        say(f"{when(each.at)}  {one_line(each.author)} ({one_line(each.title)}): {one_line(each.text)}")


def _sums(found: "Family") -> Iterator[str]:
    all_of = found.progress
    yield f"{all_of.ended} of {all_of.tasks} have ended" if all_of.tasks > 1 else "Nothing was handed on"
    # Nobody knows the steps of a model before they are done, so what is known is no sum of all.
    is_known = all(task.steps_total for task in found.tasks)
    yield f"{steps_done(all_of.steps_done, all_of.steps_total if is_known else 0)} done"
    if all_of.calls:
        money = "unknown cost" if all_of.unpriced == all_of.calls else in_dollars(all_of.cost)
        yield f"{all_of.calls} model calls, {all_of.tokens:,} tokens, {money}"
