"""`task cancel | pause | resume | retry | dismiss`, for one or all that pass a filter; `task replay` and more for one.

For many, what it is about is shown first and asked for; then it goes on in bounded calls.  tasks.py lists and shows.
"""

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from tools.terminal_text import one_line
from worker.command_line.following import follow as follow_task
from worker.command_line.frame import MISUSED, Remote, console, end, frame, say
from worker.command_line.named import STATES, id_of
from worker.command_line.orders import given_inputs
from worker.command_line.sure import require_terminal

if TYPE_CHECKING:
    from opscore_sdk import BulkProgress, OpsCoreClient, Task

COUNTED = 10_000
FILTERS = ("state", "agent", "complexity", "q", "dead_letters")
WHICH = "name one, or say which: --state, --agent, --complexity, -q, --dead-letters, or --all for every one."
DONE = {
    "cancel": "Cancelled",
    "pause": "Paused",
    "resume": "Resumed",
    "retry": "Retried",
    "dismiss": "Dismissed",
}
RESULTS = {"cancel": "cancelled", "pause": "paused", "resume": "queued"}
HELP = {
    "cancel": "Cancel a task, or all that pass a filter; what runs ends with every process that it started.",
    "pause": "Pause a task after its running step, or all that pass a filter.",
    "resume": "Give a paused task, or all that pass a filter, back to its queue.",
    "retry": "Try a failed or cancelled task, or all that pass a filter, again from the step that did not succeed.",
    "dismiss": "Take a failed task, or all that pass a filter, out of the dead letters.",
}
SHORT = {
    "cancel": "Cancel a task, or all that pass a filter.",
    "resume": "Give paused tasks back to their queues.",
    "retry": "Try failed or cancelled tasks again.",
    "dismiss": "Take failed tasks out of the dead letters.",
}
_OPTIONS = (
    click.option("--state", type=click.Choice(STATES), help="All tasks in this state."),
    click.option("--agent", metavar="NAME", help="All tasks of this agent."),
    click.option("--complexity", type=click.IntRange(1, 10), help="All tasks of this complexity."),
    click.option("-q", "q", metavar="WORDS", help="All tasks with words that begin so in title or description."),
    click.option("--dead-letters", is_flag=True, help="All that failed for good and nobody has dealt with."),
    click.option("--all", "is_all", is_flag=True, help="All tasks that there are."),
    click.option("--dry-run", is_flag=True, help="Only say how many they are."),
    click.option("-y", "--yes", is_flag=True, help="Do not ask."),
)


def on_one_or_many(action: str) -> click.Command:
    """The command that does this to a task or to all that pass a filter."""

    def command(task_id: str | None, **options: Any) -> None:
        with frame().client() as client:
            if task_id is not None:
                _one(client, action, task_id, options)
            else:
                _many(client, action, options)

    command.__doc__ = HELP[action]
    options = (*_OPTIONS, _NOW) if action == "pause" else _OPTIONS
    for option in reversed((click.argument("task_id", metavar="[TASK]", required=False), *options)):
        command = option(command)
    return click.command(action, cls=Remote, short_help=SHORT.get(action))(command)


_NOW = click.option("--now", is_flag=True, help="In the middle of the step that runs: it is begun again later.")


@click.command(cls=Remote, short_help="Do an ended task again from a step on.")
@click.argument("task_id", metavar="TASK")
@click.option("--from", "from_step", required=True, metavar="STEP", help="Its key, or its position from 1.")
def replay(task_id: str, from_step: str) -> None:
    """Do an ended task again from a step on; what was finished before it is kept."""
    with frame().client() as client:
        found = client.replay(id_of(client, task_id), from_step)
    frame().show(found, lambda: _said(found, f"Replayed from {from_step}"))


@click.command(cls=Remote, short_help="Submit a task with the same plan.")
@click.argument("task_id", metavar="TASK")
@click.option("-i", "--input", "given", multiple=True, metavar="KEY=VALUE", help="Another value; @FILE uploads it.")
@click.option("--title", help="Another title.")
@click.option("--complexity", type=click.IntRange(1, 10), help="Another complexity.")
@click.option("--priority", type=click.IntRange(0, 9), help="Another priority.")
@click.option("--agent", metavar="NAME", help="Only this agent may take it.")
@click.option("--follow", "is_followed", is_flag=True, help="Show each step live; exit code 1 if the task fails.")
def clone(task_id: str, given: tuple[str, ...], is_followed: bool, **changes: Any) -> None:
    """Submit a task with the same plan as this one, and other inputs where you name some."""
    told = frame()
    with told.client() as client:
        original = client.task(id_of(client, task_id))
        inputs = given_inputs(client, _schema(original, given), given)
        made = client.clone(
            original.id, inputs, **{name: value for name, value in changes.items() if value is not None}
        )
        if is_followed:
            follow_task(told, client, made.id)
        else:
            told.show(made, lambda: _said(made, f"Cloned from {original.id}"))


@click.command(cls=Remote, short_help="Say what becomes of a step that was cut off.")
@click.argument("task_id", metavar="TASK")
@click.argument("choice", type=click.Choice(("retry", "done", "fail")))
def answer(task_id: str, choice: str) -> None:
    """Say what becomes of a step that was cut off and must not happen twice.

    \b
    retry  do it again: it did not happen, or twice does no harm
    done   go on after it: it happened
    fail   end the task: it failed
    """
    with frame().client() as client:
        asked = client.task(id_of(client, task_id))
        found = client.answer(asked.id, choice, step=(asked.question or {}).get("step"))
    frame().show(found, lambda: _said(found, f"Answered: {choice}"))


@click.command(cls=Remote)
@click.argument("task_id", metavar="TASK")
def restore(task_id: str) -> None:
    """Undo a dismissal: the failed task is a dead letter again."""
    with frame().client() as client:
        found = client.restore(id_of(client, task_id))
    frame().show(found, lambda: _said(found, "Restored"))


def _schema(original: "Task", given: tuple[str, ...]) -> dict[str, Any]:
    """What the new values should be, by those that the task has."""
    uploads = {each.partition("=")[0] for each in given if each.partition("=")[2].startswith("@")}
    kinds = {name: {"type": "string" if isinstance(value, str) else "value"} for name, value in original.inputs.items()}
    return kinds | {name: {"format": "source"} for name in uploads}


def _one(client: "OpsCoreClient", action: str, task_id: str, options: dict[str, Any]) -> None:
    if _filters(options) or options["is_all"]:
        end(MISUSED, "name a task or say which, not both.")
    wanted = id_of(client, task_id)
    if options["dry_run"]:
        end(MISUSED, "--dry-run is for many tasks; task show tells about one.")
    before = client.task(wanted)
    found = client.pause(wanted, now=True) if options.get("now") else getattr(client, action)(wanted)
    frame().show(found, lambda: _already(before, found, action) or _said(found, DONE[action]))


def _already(before: "Task", task: "Task", action: str) -> Any:
    """What to say where nothing changed because it was so before; None where something did."""
    from rich.text import Text

    if action == "dismiss":
        is_so, words = before.dead_letter_at is None, "was no dead letter any more"
    else:
        is_so = before.state == task.state == RESULTS.get(action) and not task.wishes
        words = f"was already {task.state}"
    return Text(f"Nothing to do: {one_line(task.title)} {words}.\n{task.id}") if is_so else None


def _said(task: "Task", done: str) -> Any:
    from rich.text import Text

    wish = {"cancel": "It is being cancelled", "stop": "It is being paused", "pause": "It pauses after this step"}
    if task.wishes:
        return Text(f"{wish[task.wishes[0]]}: {one_line(task.title)}\nWatch it: bin/opscore task follow {task.id}")
    now = "no dead letter any more" if done == DONE["dismiss"] else f"{task.state} now"
    return Text(f"{done}: {one_line(task.title)} is {now}.\n{task.id}")


def _many(client: "OpsCoreClient", action: str, options: dict[str, Any]) -> None:
    filters = _filters(options)
    if bool(filters) == options["is_all"]:
        end(MISUSED, f"cannot {action} tasks: {WHICH}")
    if options.get("now"):
        end(MISUSED, "--now is for one task; stop-all ends the running step of every one.")
    found = client.bulk_preview(action, **filters)
    if options["dry_run"]:
        frame().show({"left": found.left, "examples": found.examples}, lambda: _preview(action, found))
        return
    if found.left and not options["yes"]:
        _ask(action, found)
    done, refused, reasons = 0, 0, Counter[str]()
    for came in client.bulk(action, **filters) if found.left else ():
        done, refused = done + came.done, refused + came.refused
        reasons.update(came.reasons)
        if came.left and not frame().is_json:
            say(f"{DONE[action]} {done:,}, {_number(came.left)} left.", err=True)
    told = {"done": done, "refused": refused, "reasons": dict(reasons)}
    frame().show(told, lambda: _concluded(action, done, reasons))


def _filters(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in FILTERS if options[name]}


def _ask(action: str, found: "BulkProgress") -> None:
    what = f"this would {action} {_tasks(found.left)}; say --yes to do it, --dry-run to look."
    require_terminal(what)
    console().print(_preview(action, found))
    click.confirm(f"{action.capitalize()} {_tasks(found.left)}?", abort=True)


def _preview(action: str, found: "BulkProgress") -> Any:
    from rich.text import Text

    if not found.left:
        return f"There is no task to {action}."
    lines = [f"  {task.state:<9}  {one_line(task.title)}" for task in found.examples]
    rest = ["  …"] if found.left > len(lines) else []
    return Text("\n".join([f"{_tasks(found.left)} to {action}:", *lines, *rest]))


def _concluded(action: str, done: int, reasons: Counter[str]) -> str:
    if not done and not reasons:
        return f"There is no task to {action}."
    refused = [f"{_tasks(count)} left alone: {one_line(reason)}." for reason, count in reasons.items()]
    return "\n".join([f"{DONE[action]} {_tasks(done)}.", *refused])


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{_number(count)} tasks"


def _number(count: int) -> str:
    return f"more than {COUNTED:,}" if count > COUNTED else f"{count:,}"


COMMANDS: tuple[click.Command, ...] = (*map(on_one_or_many, DONE), replay, clone, answer, restore)
