"""`retention show | set | preview | prune | compact`."""

from typing import TYPE_CHECKING, Any

import click

from worker.command_line.frame import Local, Remote, console, frame
from worker.command_line.sure import confirmed, require_terminal
from worker.command_line.words import size

if TYPE_CHECKING:
    from opscore_sdk.retention import RetentionRule

STATES = click.Choice(("succeeded", "failed", "cancelled"))


@click.group()
def retention() -> None:
    """Say for how long ended tasks are kept, and give room back."""


@retention.command(cls=Remote, short_help="Show for how long tasks are kept.")
def show() -> None:
    """Show for how long tasks are kept, and what would be deleted now."""
    with frame().client() as client:
        rules = client.retention.rules()
    frame().show({"rules": rules}, lambda: _table(rules))


@retention.command("set", cls=Remote, short_help="Say for how long tasks that ended so are kept.")
@click.argument("state", type=STATES)
@click.argument("keep", metavar="TIME|forever")
@click.option("--export/--no-export", default=True, show_default=True, help="Archive what the rows say before.")
@click.option("-y", "--yes", "is_sure", is_flag=True, help="Do not ask when tasks would be deleted at once.")
def set_rule(state: str, keep: str, export: bool, is_sure: bool) -> None:
    """Keep tasks that ended in STATE for so long from now on, such as '90 days'."""
    with frame().client() as client:
        due = client.retention.preview(state, keep).due
        if due["tasks"] and not is_sure:
            require_terminal(f"this deletes {_due(due)} within minutes; say --yes to do it.")
            click.confirm(f"This deletes {_due(due)} within minutes. Go on?", abort=True)
        rule = client.retention.set(state, keep, export=export)
    frame().show(rule, lambda: f"Tasks that {_ended(rule.state)} are kept {_kept(rule.keep)}.")


@retention.command(cls=Remote)
@click.argument("state", type=STATES)
@click.argument("keep", metavar="TIME|forever")
def preview(state: str, keep: str) -> None:
    """Show what such a rule would delete now; nothing is changed."""
    with frame().client() as client:
        rule = client.retention.preview(state, keep)
    frame().show(rule, lambda: f"It would delete {_due(rule.due)}.")


@retention.command(cls=Remote)
@confirmed("Delete all tasks whose time is over now?", "this deletes all tasks whose time is over")
def prune() -> None:
    """Delete what is due now, without waiting for the reconciler."""
    deleted, is_more = 0, True
    with frame().client() as client:
        while is_more:
            some, is_more = client.retention.prune()
            deleted += some
    frame().show({"deleted": deleted}, lambda: f"Deleted {deleted} {'task' if deleted == 1 else 'tasks'}.")


@retention.command(cls=Local, short_help="Give the room of deleted rows back to the disk.")
def compact() -> None:
    """Give the room of deleted rows back to the disk; works while OpsCore runs or is stopped."""
    from models.database import bare_app
    from tasks.keeping import compaction

    told = frame()
    if not told.settings().database_url:
        told.require_folder()
    with bare_app(told.settings()).app_context():
        done = compaction.compact()
    told.show(done, lambda: f"The database had {size(done.before)}, and has {size(done.after)}.")


def _table(rules: "list[RetentionRule]") -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("STATE", "KEPT", "EXPORT", "DUE NOW"):
        table.add_column(name)
    for rule in rules:
        table.add_row(rule.state, _kept(rule.keep), "yes" if rule.export else "no", _due(rule.due))
    console().print(table)


def _kept(keep: str) -> str:
    return "for ever" if keep == "forever" else f"for {keep}"


def _ended(state: str) -> str:
    return {"cancelled": "were cancelled"}.get(state, state)


def _due(due: dict[str, Any]) -> str:
    if not due["tasks"]:
        return "nothing"
    count = f"{due['tasks']}{' and more' if due['is_more'] else ''} {'task' if due['tasks'] == 1 else 'tasks'}"
    return f"{count} with {size(due['bytes'])} of files"
