"""`service list | reset`."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from tools.terminal_text import one_line
from worker.command_line.frame import Remote, frame
from worker.command_line.sure import confirmed
from worker.command_line.words import when

if TYPE_CHECKING:
    from opscore_sdk import Service

CIRCUITS = {"closed": ("called", "green"), "open": ("left alone", "red"), "trying": ("being tried", "yellow")}


@click.group(short_help="Look at the outside services that tools call.")
def service() -> None:
    """Look at the outside services that tools call, and have one called again."""


@service.command("list", cls=Remote, short_help="List the services that failed lately or have a rate.")
def list_services() -> None:
    """List the services that failed lately or have a rate, those that are left alone first."""
    with frame().client() as client:
        found = client.services()
    frame().show({"services": found}, lambda: _table(found))


@service.command(cls=Remote)
@click.argument("name", metavar="SERVICE")
@confirmed("Call it again at once, and forget its failures?", "this forgets its failures")
def reset(name: str) -> None:
    """Have a service called again, such as web:example.org."""
    with frame().client() as client:
        found = client.reset_service(name)
    frame().show(found, lambda: f"{found.name} is called again.")


def _table(found: "list[Service]") -> Any:
    from rich.table import Table
    from rich.text import Text

    if not found:
        return "All is well outside: no service has failed, and none has a rate."
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("SERVICE", "STATE", "UNTIL", "FAILURES", "AT MOST", "LAST FAILURE"):
        table.add_column(name)
    for each in found:
        words, style = CIRCUITS.get(each.circuit, (each.circuit, ""))
        table.add_row(Text(each.name), Text(words, style=style), _clock(each.open_until), str(each.failures),
                      each.rate or "–", _failure(each))  # fmt: skip
    return table


def _clock(at: datetime | None) -> str:
    return f"{at:%H:%M:%S} UTC" if at is not None else "–"


def _failure(each: "Service") -> Any:
    from rich.text import Text

    if each.failed_at is None:
        return "–"
    return Text(f"{one_line(each.last_error or '?')}, {when(each.failed_at)}", style="dim")
