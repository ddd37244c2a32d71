"""`agent list`."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from worker.command_line.frame import Remote, frame
from worker.command_line.words import LIGHTS, size, when

if TYPE_CHECKING:
    from opscore_sdk import Agent


@click.group()
def agent() -> None:
    """Look at the agents."""


@agent.command("list", cls=Remote)
def list_agents() -> None:
    """List the agents: how they are, what they take, what they work on."""
    with frame().client() as client:
        found = client.agents()
    frame().show({"agents": found}, lambda: _table(found))


def _table(found: "list[Agent]") -> Any:
    from rich.table import Table
    from rich.text import Text

    if not found:
        return "No agent has registered yet. bin/up starts two; celery -A worker worker --agent NAME starts one more."
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("", "AGENT", "LEVELS", "WORKERS", "MEMORY", "SEEN", "WORKS ON", ""):
        table.add_column(name)
    for each in found:
        workers = each.workers
        seen = max((datetime.fromisoformat(str(worker["last_seen_at"])) for worker in workers), default=None)
        titles = ", ".join(str(task["title"]) for task in each.current_tasks)
        memory = size(sum(worker["memory_bytes"] for worker in workers))
        table.add_row(Text("●", style=LIGHTS[each.light]), Text(each.name), _levels(each), str(len(workers)),
                      memory, when(seen), Text(titles or "–"), Text(each.reason, style="dim"))  # fmt: skip
    return table


def _levels(each: "Agent") -> str:
    if each.complexity_min is None:
        return "–"
    return f"{each.complexity_min}–{each.complexity_max}"
