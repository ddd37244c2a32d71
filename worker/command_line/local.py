"""`status | doctor | token | link`: about the installation on this machine; none of them needs the web application."""

from typing import Any

import click

from worker.command_line.frame import FAILED, UNREACHABLE, Local, console, frame
from worker.command_line.words import duration, size

VERDICTS = {"good": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}


@click.command(cls=Local, short_help="Show every process of this installation.")
def status() -> None:
    """Show every process of this installation; exit code 3 when it is not running."""
    from worker.installation import options
    from worker.installation.status import processes

    found = processes(frame().settings())
    url = frame().address() if found else None
    frame().show(
        {"is_running": bool(found), "url": url, "processes": found},
        lambda: _processes(found, url, options.command("bin/up", frame().settings())),
    )
    if not found:
        raise click.exceptions.Exit(UNREACHABLE)


@click.command(cls=Local, short_help="Find what is missing or wrong here, and its cure.")
def doctor() -> None:
    """Find what is missing or wrong here, and name the cure; exit code 1 when there is a problem."""
    from worker.installation.doctor import Verdict, examine

    findings = examine(frame().settings())
    frame().show({"findings": findings}, lambda: _findings(findings))
    if any(finding.verdict == Verdict.PROBLEM for finding in findings):
        raise click.exceptions.Exit(FAILED)


@click.command(cls=Local)
def token() -> None:
    """Print the API's token, for `Authorization: Bearer`."""
    found = frame().token()
    frame().show({"token": found}, lambda: click.echo(found))


@click.command(cls=Local)
def link() -> None:
    """Make a new sign-in link; it works once, within a day."""
    from models.database import bare_app, writing
    from models.scope import acting
    from models.sign_in import new_link

    if not frame().settings().database_url:
        frame().require_folder()
    app = bare_app(frame().settings())
    with app.app_context(), acting("person:local"), writing() as session:
        secret = new_link(session)
    url = f"{frame().address()}/sign-in/{secret}"
    frame().show({"url": url}, lambda: click.echo(url))


def _processes(found: list[Any], url: str | None, start: str) -> Any:
    from rich.table import Table

    if not found:
        return f"OpsCore is not running here. Start it with {start}."
    table = Table(box=None, header_style="bold", pad_edge=False, caption=url, caption_justify="left")
    for name in ("ROLE", "NAME"):
        table.add_column(name)
    for name in ("PID", "UPTIME", "MEMORY"):
        table.add_column(name, justify="right")
    for each in found:
        table.add_row(each.role, each.name, str(each.pid), duration(each.uptime_s), size(each.memory_bytes))
    return table


def _findings(findings: list[Any]) -> None:
    from rich.text import Text

    out = console()
    for each in findings:
        sign, style = VERDICTS[each.verdict]
        out.print(Text.assemble((f"{sign} ", style), (f"{each.name:<16}", "bold"), each.what))
        if each.cure:
            out.print(Text(f"  {'':<16}{each.cure}", style=style))
