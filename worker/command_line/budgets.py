"""`budget show | set` and `spend`: what model calls may cost, and what they did."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from worker.command_line.frame import MISUSED, Remote, end, frame
from worker.command_line.words import duration, in_dollars

if TYPE_CHECKING:
    from opscore_sdk.budgets import Budget, BudgetLimit, SpendReport, Spent

NONE = "none"


def whose(command: Any) -> Any:
    """The options that say which budget is meant."""
    for option in reversed((
        click.option("--day", is_flag=True, help="What all tasks together may spend a day (UTC)."),
        click.option("--agent", metavar="AGENT", help="What the tasks of this agent may spend a day (UTC)."),
        click.option("--task", type=click.UUID, metavar="TASK", help="What this task and its parts may spend."),
    )):  # fmt: skip
        command = option(command)
    return command


@click.group(short_help="Limit what language models may cost.")
def budget() -> None:
    """Limit what language models may cost: a task, an agent's day, everybody's day."""


@budget.command(cls=Remote)
@whose
def show(day: bool, agent: str | None, task: UUID | None) -> None:
    """Show how a budget stands; that of the day where none is named."""
    _one_of(day, agent, task)
    with frame().client() as client:
        found = (
            client.budgets.task(str(task)) if task else client.budgets.agent(agent) if agent else client.budgets.day()
        )
    frame().show(found, lambda: _table(found))


@budget.command("set", cls=Remote, short_help="Set limits; they count from the next call on.")
@whose
@click.option("--tokens", metavar="NUMBER|none", help="Input and output together.")
@click.option("--cost", metavar="DOLLARS|none", help="Such as 2.50.")
@click.option("--calls", metavar="NUMBER|none", help="Calls of models.")
@click.option("--wall", "wall_s", metavar="TIME|none", help="Time at work, such as '20 min'.")
def set_limits(day: bool, agent: str | None, task: UUID | None, **limits: str | None) -> None:
    """Set limits of a budget; they count from the next call on, 'none' lifts one, the others stay."""
    if not _one_of(day, agent, task):
        end(MISUSED, "say whose: --day, --agent AGENT or --task TASK.")
    said = {name: None if text == NONE else text for name, text in limits.items() if text is not None}
    if not said:
        end(MISUSED, "say a limit, such as --cost 2.50 or --tokens 200000.")
    with frame().client() as client:
        if task:
            found = client.budgets.set_task(str(task), **said)
        else:
            found = client.budgets.set_agent(agent, **said) if agent else client.budgets.set_day(**said)
    frame().show(found, lambda: _table(found))


@click.command(cls=Remote, short_help="Show what language models cost.")
@click.option("--by", type=click.Choice(("day", "agent", "task", "model")), default="day", show_default=True)
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="So many days back.")
@click.option("--agent", metavar="AGENT", help="Only what this agent spent.")
@click.option("--task", type=click.UUID, metavar="TASK", help="Only what this task spent.")
def spend(by: str, days: int, agent: str | None, task: UUID | None) -> None:
    """Show what language models cost, by day, agent, task or model, and in all."""
    with frame().client() as client:
        found = client.budgets.spend(by, days=days, agent=agent, task=str(task) if task else None)
    frame().show(found, lambda: _spent(found))


def _one_of(day: bool, agent: str | None, task: UUID | None) -> bool:
    """Whether one is named; ends the command where several are."""
    count = sum((day, agent is not None, task is not None))
    if count > 1:
        end(MISUSED, "say one of --day, --agent and --task.")
    return count == 1


def _table(found: "Budget") -> Any:
    from rich.table import Table

    titles = {"day": "All tasks", "agent": f"Agent {found.name}", "task": f"Task {found.name}"}
    since = f", {found.day} (UTC)" if found.day else ""
    table = Table(box=None, header_style="bold", pad_edge=False, title=titles[found.kind] + since, title_justify="left")
    for title in ("LIMIT OF", "MOST", "USED", "RUNNING", "LEFT"):
        table.add_column(title)
    for name, limit in (("tokens", found.tokens), ("cost", found.cost), ("calls", found.calls), ("time", found.wall_s)):
        table.add_row(name, *_amounts(name, limit))
    return table


def _amounts(name: str, limit: "BudgetLimit") -> tuple[str, ...]:
    most = "–" if limit.limit is None else _amount(name, limit.limit)
    left = "–" if limit.left is None else _amount(name, limit.left)
    return most, _amount(name, limit.used), _amount(name, limit.reserved), left


def _amount(name: str, number: float) -> str:
    if name == "cost":
        return in_dollars(number)
    return duration(number) if name == "time" else f"{number:,.0f}"


def _spent(found: "SpendReport") -> Any:
    from rich.table import Table

    if not found.rows:
        return "Nothing was spent on language models in this time."
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in (found.by.upper(), "CALLS", "TOKENS", "COST", "NOTE"):
        table.add_column(title)
    for each in found.rows:
        table.add_row(each.name, f"{each.calls:,}", f"{each.tokens:,}", in_dollars(each.cost), _note(each))
    if not found.is_complete:
        table.add_row("…", "", "", "", "there are more; the total is of all")
    total = found.total
    table.add_row("total", f"{total.calls:,}", f"{total.tokens:,}", in_dollars(total.cost), _note(total), style="bold")
    return table


def _note(spent: "Spent") -> str:
    said = ((spent.unpriced, "of unknown price"), (spent.lost, "never answered"), (spent.open, "running"))
    return ", ".join(f"{count} {words}" for count, words in said if count)
