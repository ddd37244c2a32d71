"""`run`: submit a task from a template, or from a plan in a file.  `ask`: let a model do what the words say."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from worker.command_line.following import follow
from worker.command_line.frame import Frame, Remote, frame, say
from worker.command_line.orders import given_order, order_options
from worker.command_line.words import when

if TYPE_CHECKING:
    from opscore_sdk import Task

PASSED = "Its start time has passed: it begins at once."
_OPTIONS: tuple[Any, ...] = (
    click.option(
        "--start", "start_at", metavar="TIME", help="Not before this time, such as 2030-12-01T06:00:00+01:00."
    ),
    click.option("--delay", metavar="TIME", help="Not before so long from now, such as 5min."),
    click.option("--follow", "is_followed", is_flag=True, help="Show each step live; exit code 1 if the task fails."),
)


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return order_options(command)


@click.command(cls=Remote)
@click.argument("what", metavar="TEMPLATE|FILE")
@_options
def run(what: str, is_followed: bool, **options: Any) -> None:
    """Submit a task.

    TEMPLATE is a template's name (`bin/opscore run survey-code-base -i source=@my-code/`), FILE is a file with a
    playbook or a model plan. Inputs are text unless the plan says otherwise. For an input that is a file or folder,
    `@PATH` uploads it (a folder as an archive); a file's path alone uploads it too, a folder's path is read where
    the agents run.
    """
    _submit(what, "", is_followed, options)


@click.command(cls=Remote)
@click.argument("words")
@_options
def ask(words: str, is_followed: bool, **options: Any) -> None:
    """Let a language model do what the WORDS say.

    It may use the tools that `--tool` names, and no others: `bin/opscore ask "Write a program that sorts numbers.txt,
    and run it" -i source=numbers.txt --tool python.run --tool files.write --promise output/sorted.txt --follow`. `-`
    reads the words from standard input.
    """
    _submit(None, sys.stdin.read() if words == "-" else words, is_followed, options)


def _submit(what: str | None, words: str, is_followed: bool, options: dict[str, Any]) -> None:
    told = frame()
    with told.client() as client:
        order = given_order(client, what, options, words)
        task = client.submit(**order, **options)
        passed = bool(options["start_at"]) and task.waits_until is None
        if is_followed:
            if passed:
                say(PASSED, err=True)
            follow(told, client, task.id)
        else:
            told.show(task, lambda: _submitted(told, task, passed=passed))


def _submitted(told: Frame, task: "Task", *, passed: bool) -> Any:
    from rich.text import Text

    waits = f"\nIt waits until {when(task.waits_until)}." if task.waits_until else f"\n{PASSED}" if passed else ""
    follow_it = f"{waits}\n{told.address()}/tasks/{task.id}\nWatch it: bin/opscore task follow {task.id}"
    return Text.assemble("Submitted ", (task.id, "bold"), follow_it)
