"""`run`: submit a task from a template, or from a playbook in a file."""

from typing import TYPE_CHECKING, Any

import click

from worker.command_line.following import follow
from worker.command_line.frame import Frame, Remote, frame, say
from worker.command_line.orders import given_order, order_options
from worker.command_line.words import when

if TYPE_CHECKING:
    from opscore_sdk import Task

PASSED = "Its start time has passed: it begins at once."


@click.command(cls=Remote)
@click.argument("what", metavar="TEMPLATE|FILE")
@order_options
@click.option("--start", "start_at", metavar="TIME", help="Not before this time, such as 2030-12-01T06:00:00+01:00.")
@click.option("--delay", metavar="TIME", help="Not before so long from now, such as 5min.")
@click.option("--follow", "is_followed", is_flag=True, help="Show each step live; exit code 1 if the task fails.")
def run(what: str, is_followed: bool, **options: Any) -> None:
    """Submit a task.

    TEMPLATE is a template's name (`bin/opscore run survey-code-base -i source=@my-code/`), FILE is a file with a
    playbook. Inputs are text unless the plan says otherwise. For an input that is a file or folder, `@PATH`
    uploads it (a folder as an archive); a file's path alone uploads it too, a folder's path is read where the
    agents run.
    """
    told = frame()
    with told.client() as client:
        order = given_order(client, what, options)
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
