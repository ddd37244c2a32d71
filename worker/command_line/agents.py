"""`agent list | show | limits | approvals | set | pause | resume`."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from tools.terminal_text import one_line
from worker.command_line.emergency import remind
from worker.command_line.frame import Remote, console, frame
from worker.command_line.limits import given_limits, in_words, limit_option
from worker.command_line.queues import NONE, whole_or_none
from worker.command_line.queues import in_words as tasks_at_a_time
from worker.command_line.words import LIGHTS, size, when

if TYPE_CHECKING:
    from opscore_sdk import Agent


NO_LIMITS = "none of its own"


@click.group(short_help="Look at the agents, pause them, limit them.")
def agent() -> None:
    """Look at the agents, pause them, limit how many tasks they run and what their steps may use."""


@agent.command("list", cls=Remote, short_help="List the agents and what they work on.")
def list_agents() -> None:
    """List the agents: how they are, what they take, what they work on."""
    with frame().client() as client:
        found = client.agents()
        remind(client)
    frame().show({"agents": found}, lambda: _table(found))


@agent.command(cls=Remote)
@click.argument("name", metavar="AGENT")
def show(name: str) -> None:
    """Show an agent: its workers, their sandbox, its limits."""
    with frame().client() as client:
        found = client.agent(name)
    frame().show(found, lambda: _detail(found))


@agent.command(cls=Remote, short_help="Show or set an agent's limits.")
@click.argument("name", metavar="AGENT")
@limit_option(" none takes one away.")
@click.option("--running", metavar="NUMBER|none", help="So many tasks at a time, on all hosts together.")
def limits(name: str, limits: tuple[str, ...], running: str | None) -> None:
    """Show an agent's limits, or set some: they count from the next step on that it begins."""
    wanted = given_limits(limits)
    at_a_time = whole_or_none(running) if running is not None else None
    with frame().client() as client:
        found = client.limit_agent(name, wanted) if wanted else client.agent(name)
        if running is not None:
            found = client.limit_agent_running(name, at_a_time)
    told = {"limits": found.limits, "max_running": found.max_running}
    frame().show(told, lambda: f"{found.name}: {_rules(found)}")


@agent.command(cls=Remote, short_help="Show or set what an agent must ask a person before.")
@click.argument("name", metavar="AGENT")
@click.argument("tools", metavar="[TOOL|plan|none]...", nargs=-1)
def approvals(name: str, tools: tuple[str, ...]) -> None:
    """Show or set what an agent must ask a person before: each call of these tools, or plan for each task as a whole.

    Instead of those that were; none takes all away.
    """
    with frame().client() as client:
        wanted = [] if tools == (NONE,) else list(tools)
        found = client.agent_asks(name, wanted) if tools else client.agent(name)
    frame().show({"approvals": found.approvals}, lambda: f"{found.name}: {_asks(found)}")


@agent.command("set", cls=Remote, short_help="Show or set what an agent thinks with.")
@click.argument("name", metavar="AGENT")
@click.option("--model", metavar="PROVIDER/MODEL|none", help="none: what covers the complexity of each task.")
def set_agent(name: str, model: str | None) -> None:
    """Show or set the model that an agent thinks with, where a task names none itself."""
    with frame().client() as client:
        wanted = None if model == NONE else model
        found = client.agent(name) if model is None else client.set_agent_model(name, wanted)
    frame().show({"model": found.model}, lambda: f"{found.name}: {_thinking(found)}")


@agent.command(cls=Remote)
@click.argument("name", metavar="AGENT")
def pause(name: str) -> None:
    """Let an agent take no more tasks; what it runs goes on."""
    with frame().client() as client:
        found = client.pause_agent(name)
    frame().show(found, lambda: f"{found.name} takes no more tasks; it works on {len(found.current_tasks)}.")


@agent.command(cls=Remote)
@click.argument("name", metavar="AGENT")
def resume(name: str) -> None:
    """Let an agent take tasks again."""
    with frame().client() as client:
        found = client.resume_agent(name)
    frame().show(found, lambda: f"{found.name} takes tasks again.")


def _asks(found: "Agent") -> str:
    return f"asks before {', '.join(found.approvals)}" if found.approvals else "asks before nothing by itself"


def _rules(found: "Agent") -> str:
    at_a_time = "" if found.max_running is None else f", {tasks_at_a_time(found.max_running)}"
    return f"{in_words(found.limits) or NO_LIMITS}{at_a_time}"


def _thinking(found: "Agent") -> str:
    return f"thinks with {found.model or 'what covers the complexity'}"


def _detail(found: "Agent") -> None:
    from rich.table import Table
    from rich.text import Text

    out = console()
    out.print(Text.assemble(("● ", LIGHTS[found.light]), (found.name, "bold"), f"  {found.reason}"))
    facts = Table.grid(padding=(0, 2))
    facts.add_row(Text("levels", style="dim"), _levels(found))
    facts.add_row(Text("limits", style="dim"), _rules(found))
    facts.add_row(Text("model", style="dim"), _thinking(found))
    facts.add_row(Text("approvals", style="dim"), _asks(found))
    if found.paused_at is not None:
        facts.add_row(Text("paused", style="dim"), Text(f"since {when(found.paused_at)}", style="magenta"))
    for worker in found.workers:
        sandbox = worker.get("sandbox") or {}
        facts.add_row(Text("worker", style="dim"), Text(f"{worker['nodename']}, {size(worker['memory_bytes'])}"))
        tier = f"tier {sandbox.get('tier', '?')}: {sandbox.get('name', '?')}"
        facts.add_row(Text("sandbox", style="dim"), Text(tier))
        facts.add_row("", Text(_meaning(sandbox.get("tier")), style="dim"))
    out.print(facts)


def _meaning(tier: int | None) -> str:
    from tools.tiers import meaning

    found = meaning(tier)
    return f"{found.words} {found.cure}".strip()


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
                      memory, when(seen), Text(one_line(titles) or "–"), Text(_remarks(each), style="dim"))  # fmt: skip
    return table


def _remarks(each: "Agent") -> str:
    """Why its light is so, and what somebody has set that keeps it from work."""
    paused = f"paused since {when(each.paused_at)}" if each.paused_at else ""
    at_a_time = "" if each.max_running is None else tasks_at_a_time(each.max_running)
    return "; ".join(said for said in (paused, at_a_time, in_words(each.limits), each.reason) if said)


def _levels(each: "Agent") -> str:
    if each.complexity_min is None:
        return "–"
    return f"{each.complexity_min}–{each.complexity_max}"
