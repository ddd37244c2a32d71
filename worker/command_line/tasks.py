"""`task list | show | follow | files | get`; what is done with tasks, `task cancel` and so on, is in controls.py."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tools.terminal_text import one_line
from worker.command_line.controls import COMMANDS
from worker.command_line.emergency import remind
from worker.command_line.endings import why_no_more
from worker.command_line.following import follow as follow_task
from worker.command_line.frame import MISUSED, Remote, console, end, frame
from worker.command_line.limits import in_words
from worker.command_line.named import STATES, id_of
from worker.command_line.transcript import transcript
from worker.command_line.words import SIGNS, STATE_STYLES, day, duration, killed, size, when

if TYPE_CHECKING:
    from opscore_sdk import File, OpsCoreClient, Page, Step, Task

WIDE = 100
OLDER = "Older ones: --cursor {}"


@click.group(short_help="List, watch, cancel, pause, retry, clone tasks.")
def task() -> None:
    """List tasks, look at one, watch it, fetch its files; cancel, pause, retry, clone them.

    Where a TASK is asked for, `last` stands for the newest.
    """


for command in (*COMMANDS, transcript):
    task.add_command(command)


@task.command("list", cls=Remote)
@click.option("--state", type=click.Choice(STATES), help="Only tasks in this state.")
@click.option("--agent", metavar="NAME", help="Only tasks of this agent.")
@click.option("--complexity", type=click.IntRange(1, 10), help="Only tasks of this complexity.")
@click.option("-q", "q", metavar="WORDS", help="Words that begin words of title or description.")
@click.option("--family", metavar="ID", help="Only this task and all that came from it.")
@click.option("--dead-letters", is_flag=True, help="Only those that failed for good and nobody has dealt with.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="Most tasks to show.")
@click.option("--cursor", metavar="CURSOR", help="Go on below the page that named it.")
def list_tasks(**filters: Any) -> None:
    """List tasks, newest first."""
    with frame().client() as client:
        page = client.task_page(**filters)
        remind(client)
        # A request each, so only where people ask for what needs them.
        is_asked = filters["dead_letters"] and not frame().is_json
        reasons = {each.id: _reason(each, why_no_more(client, each)) for each in page.tasks if is_asked}
    shown = {"tasks": page.tasks, "next_cursor": page.next_cursor}
    frame().show(shown, lambda: _letters(page, reasons) if reasons else _table(page))


@task.command(cls=Remote)
@click.argument("task_id", metavar="TASK")
def show(task_id: str) -> None:
    """Show a task and its steps."""
    with frame().client() as client:
        found = client.task(id_of(client, task_id))
        steps = client.steps(found.id)
        ended = why_no_more(client, found)
    frame().show({**found.raw, "steps": steps}, lambda: _detail(found, steps, ended))


@task.command(cls=Remote)
@click.argument("task_id", metavar="TASK")
def follow(task_id: str) -> None:
    """Watch a task until it ends; exit code 1 if it fails."""
    with frame().client() as client:
        follow_task(frame(), client, id_of(client, task_id))


@task.command(cls=Remote)
@click.argument("task_id", metavar="TASK")
def files(task_id: str) -> None:
    """List a task's files."""
    with frame().client() as client:
        found = client.files(id_of(client, task_id))
    frame().show({"files": found}, lambda: _files(found))


@task.command(cls=Remote, short_help="Fetch one of a task's files, or all as a ZIP.")
@click.argument("task_id", metavar="TASK")
@click.argument("path", required=False)
@click.option("-o", "--output", metavar="FILE", help="Where to write it; - is standard output.")
def get(task_id: str, path: str | None, output: str | None) -> None:
    """Fetch the file at PATH of a task; without PATH all its files, as a ZIP archive."""
    with frame().client() as client:
        wanted = id_of(client, task_id)
        target = output or (Path(path).name if path else f"task-{wanted}.zip")
        if target == "-":
            _fetch(client, wanted, path, sys.stdout.buffer)
            return
        part = Path(f"{target}.part")
        try:
            with part.open("wb") as into:
                _fetch(client, wanted, path, into)
            part.replace(target)
        except OSError as error:
            end(MISUSED, f"cannot write {target}: {error.strerror}.")
        finally:
            part.unlink(missing_ok=True)
    written = Path(target)
    frame().show({"path": str(written), "size_bytes": written.stat().st_size}, lambda: f"Written: {written}")


def _fetch(client: "OpsCoreClient", task_id: str, path: str | None, into: Any) -> None:
    if path:
        client.download(task_id, path, into)
    else:
        client.download_all(task_id, into)


def _letters(page: "Page", reasons: dict[str, str]) -> Any:
    """Dead letters: why they are some takes more room than a row of a table has."""
    from rich.text import Text

    lines = Text()
    for each in page.tasks:
        lines.append(f"{each.id}  {when(each.submitted_at)}\n")
        lines.append(f"  {one_line(each.title)}\n", style="bold")
        lines.append(f"  {reasons[each.id]}\n", style="red")
    lines.append(OLDER.format(page.next_cursor) if page.next_cursor else "")
    lines.rstrip()
    return lines


def _table(page: "Page") -> Any:
    from rich.table import Table
    from rich.text import Text

    if not page.tasks:
        return "No task matches."
    table = Table(box=None, header_style="bold", pad_edge=False)
    is_wide = console().width >= WIDE
    for name, width in (("ID", 36), ("STATE", 9), ("STEPS", 5), *((("AGENT", 8),) * is_wide), ("SUBMITTED", 13)):
        table.add_column(name, no_wrap=True, min_width=width)
    table.add_column("TITLE", no_wrap=True, overflow="ellipsis", ratio=1)
    for each in page.tasks:
        state = Text(each.state, style=STATE_STYLES.get(each.state, ""))
        agent = [each.agent or "–"] * is_wide
        steps = f"{each.steps_done}/{each.steps_total}" if each.steps_total else str(each.steps_done)
        submitted = when(each.submitted_at) if is_wide else day(each.submitted_at)
        table.add_row(each.id, state, steps, *agent, submitted, Text(one_line(each.title)))
    if page.next_cursor:
        table.caption = OLDER.format(page.next_cursor)
    return table


def _reason(each: "Task", ended: str) -> str:
    return "; ".join(said for said in (one_line(each.error_message or each.error_code or ""), ended) if said)


def _detail(found: "Task", steps: "list[Step]", ended: str) -> None:
    from rich.table import Table
    from rich.text import Text

    out = console()
    out.print(Text(one_line(found.title), style="bold"))
    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(found, ended):
        facts.add_row(Text(name, style="dim"), value)
    out.print(facts)
    table = Table.grid(padding=(0, 2))
    for step in steps:
        if step.superseded_at is not None:
            continue
        sign, style = SIGNS.get(step.state, ("", ""))
        took = (step.finished_at - step.started_at).total_seconds() if step.finished_at and step.started_at else None
        said = Text("\n").join(
            [
                *([Text(step.error_message, style="red")] if step.error_message else []),
                *([Text(ended, style="dim")] if (ended := killed(step.resources.get("processes_killed", 0))) else []),
            ]
        )
        table.add_row(Text(sign, style=style), Text(one_line(step.title)), Text(step.tool, style="dim"),
                      duration(took), said)  # fmt: skip
    out.print(table)


def _facts(found: "Task", ended: str) -> list[tuple[str, Any]]:
    from rich.text import Text

    facts: list[tuple[str, Any]] = [
        ("id", found.id),
        ("state", Text(found.state, style=STATE_STYLES.get(found.state, ""))),
        ("stage", found.stage),
        ("complexity", str(found.complexity)),
        ("plan", found.template or "a plan of its own"),
        ("agent", found.agent or "–"),
        ("priority", str(found.priority)),
        ("submitted", when(found.submitted_at)),
        ("started", when(found.started_at)),
        ("finished", when(found.finished_at)),
    ]
    if found.waits_until:
        facts.append(("not before", when(found.waits_until)))
    if found.deadline_at:
        facts.append(("deadline", when(found.deadline_at)))
    if found.attempts:
        facts.append(("failed attempts", str(found.attempts)))
    if found.limits:
        facts.append(("limits", in_words(found.limits)))
    if found.why_queued:
        facts.append(("waits", Text(found.why_queued)))
    if found.wishes:
        facts.append(("asked to", Text(", ".join(found.wishes), style="magenta")))
    if found.question:
        facts.append(("asks", Text(_question(found), style="magenta")))
    if found.cloned_from_id:
        facts.append(("cloned from", found.cloned_from_id))
    if found.error_message:
        facts.append(("reason", Text(found.error_message, style="red")))
    if ended:
        facts.append(("", Text(ended)))
    return [*facts, ("page", f"{frame().address()}/tasks/{found.id}")]


def _question(found: "Task") -> str:
    asked = found.question or {}
    choices = "|".join(asked.get("choices", []))
    title = one_line(str(asked.get("title")))
    if asked.get("kind") == "approval":
        return f"may “{title}” be done? bin/opscore approve {asked.get('approval')} (--show, --reject)"
    if asked.get("kind") == "children":
        return "nothing: it waits for the parts that it handed on"
    return f"“{title}” was cut off. Did it happen? bin/opscore task answer {found.id} {choices}"


def _files(found: "list[File]") -> Any:
    from rich.table import Table
    from rich.text import Text

    if not found:
        return "No files yet."
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    for file in found:
        table.add_row(size(file.size_bytes), Text(one_line(file.path)))
    return table
