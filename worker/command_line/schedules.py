"""`schedule list | create | show | pause | resume | run | delete | preview`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import click

from tools.terminal_text import one_line
from worker.command_line.frame import MISUSED, REFUSED, Remote, console, end, frame
from worker.command_line.orders import given_order, order_options
from worker.command_line.sure import confirmed
from worker.command_line.words import when

if TYPE_CHECKING:
    from collections.abc import Callable

    from opscore_sdk import Firing, OpsCoreClient, Schedule

STYLES = {"active": "green", "paused": "magenta", "ended": "dim"}
ZONE = click.option("--zone", default="UTC", show_default=True, metavar="ZONE", help="Time zone, as Europe/Berlin.")


def _when_options(command: "Callable[..., Any]") -> "Callable[..., Any]":
    command = ZONE(command)
    command = click.option("--once", metavar="TIME", help="One time, such as '2030-12-01 06:00'.")(command)
    command = click.option("--every", metavar="TIME", help="Again and again after so long, such as 15min.")(command)
    return click.option("--cron", metavar="LINE", help="Five fields, such as '30 6 * * MON-FRI'.")(command)


@click.group()
def schedule() -> None:
    """Submit tasks again and again, or once, at times to come.

    A SCHEDULE is named by its name or its id.
    """


@schedule.command("list", cls=Remote, short_help="List the schedules and their next times.")
def list_schedules() -> None:
    """List the schedules: when each comes next, and what its last time came to."""
    with frame().client() as client:
        found = list(client.schedules.all())
    frame().show({"schedules": found}, lambda: _table(found))


@schedule.command(cls=Remote, short_help="Make a schedule.")
@click.argument("name", metavar="NAME")
@click.argument("what", metavar="TEMPLATE|FILE", required=False)
@click.option("--ask", "words", metavar="TEXT", default="", help="Instead: what a language model shall do each time.")
@_when_options
@click.option("--missed", type=click.Choice(("skip", "one", "all")), default="one", show_default=True,
              help="For times that passed while nothing could fire: no task, one, or one each.")  # fmt: skip
@click.option("--overlap", type=click.Choice(("allow", "skip", "replace")), default="skip", show_default=True,
              help="When the task of an earlier time has not ended: submit too, skip, or cancel that one.")  # fmt: skip
@order_options
def create(
    name: str, what: str | None, words: str, cron: str | None, every: str | None, once: str | None, **options: Any
) -> None:
    """Make a schedule that submits a TEMPLATE, the plan of a FILE, or what --ask says."""
    rule = _rule(cron, every, once)
    if bool(what) == bool(words):
        end(MISUSED, "name a template or a file, or write --ask TEXT: one of them.")
    with frame().client() as client:
        order = given_order(client, what, options, words)
        zone = options.pop("zone")
        made = client.schedules.create(name, order, **rule, time_zone=zone, **options)
    frame().show(made, lambda: _detail(made, []))


@schedule.command(cls=Remote)
@click.argument("which", metavar="SCHEDULE")
def show(which: str) -> None:
    """Show a schedule, its next times and those that came last."""
    with frame().client() as client:
        found = client.schedules.one(_id(client, which))
        firings = client.schedules.firings(found.id, 10)
    frame().show({**found.raw, "firings": firings}, lambda: _detail(found, firings))


@schedule.command(cls=Remote)
@click.argument("which", metavar="SCHEDULE")
def pause(which: str) -> None:
    """Submit nothing until it is resumed."""
    with frame().client() as client:
        found = client.schedules.pause(_id(client, which))
    frame().show(found, lambda: f"{found.name} is paused.")


@schedule.command(cls=Remote)
@click.argument("which", metavar="SCHEDULE")
def resume(which: str) -> None:
    """Go on with the next time from now."""
    with frame().client() as client:
        found = client.schedules.resume(_id(client, which))
    frame().show(found, lambda: f"{found.name} goes on; its next time is {when(found.next_at)}.")


@schedule.command(cls=Remote)
@click.argument("which", metavar="SCHEDULE")
def run(which: str) -> None:
    """Submit its task at once, beside its own times."""
    told = frame()
    with told.client() as client:
        task = client.schedules.run(_id(client, which))
    told.show(task, lambda: f"Submitted {task.id}\n{told.address()}/tasks/{task.id}")


@schedule.command(cls=Remote)
@click.argument("which", metavar="SCHEDULE")
@confirmed(
    "Delete the schedule and the record of its times? Its tasks stay.",
    "this deletes the schedule and the record of its times",
)
def delete(which: str) -> None:
    """Delete a schedule; the tasks that it submitted stay."""
    with frame().client() as client:
        client.schedules.delete(_id(client, which))
    frame().show({"deleted": which}, lambda: f"{which} is deleted.")


@schedule.command(cls=Remote)
@_when_options
def preview(cron: str | None, every: str | None, once: str | None, zone: str) -> None:
    """Show the next five times that a rule would have; nothing is kept."""
    with frame().client() as client:
        times = client.schedules.preview(**_rule(cron, every, once), time_zone=zone)
    frame().show({"next_times": [each.isoformat() for each in times]}, lambda: "\n".join(_lines(times, zone)))


def _rule(cron: str | None, every: str | None, once: str | None) -> dict[str, str]:
    given = {"cron": cron, "interval": every, "once": once}
    said = [{"repeats": repeats, "rule": rule} for repeats, rule in given.items() if rule is not None]
    if len(said) != 1:
        end(MISUSED, "say when: one of --cron LINE, --every TIME and --once TIME.")
    return said[0]


def _id(client: "OpsCoreClient", which: str) -> str:
    try:
        return str(UUID(which))
    except ValueError:
        found = client.schedules.named(which)
    if found is None:
        end(REFUSED, f"there is no schedule {which}; bin/opscore schedule list shows those that there are.")
    return found.id


def _table(found: "list[Schedule]") -> Any:
    from rich.table import Table
    from rich.text import Text

    if not found:
        return "There is no schedule yet. bin/opscore schedule create makes one."
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("NAME", "STATE", "WHEN", "NEXT", "LAST"):
        table.add_column(name)
    for each in found:
        rule = f"{each.in_words} ({each.time_zone})" if each.repeats == "cron" else each.in_words
        last = f"{when(each.last.due_at)} {_came_to(each.last)}" if each.last else "–"
        state = Text(each.state, style=STYLES[each.state])
        table.add_row(Text(one_line(each.name), style="bold"), state, rule, when(each.next_at), last)
    return table


def _detail(found: "Schedule", firings: "list[Firing]") -> None:
    from rich.text import Text

    out = console()
    out.print(Text.assemble((f"{one_line(found.name)}  ", "bold"), (found.state, STYLES[found.state])))
    out.print(f"{found.in_words} ({found.time_zone}); missed: {found.missed}, overlap: {found.overlap}")
    out.print(Text(f"Submits {one_line(_what(found.order))}"))
    for line in _lines(found.next_times, found.time_zone):
        out.print(f"  next  {line}")
    for each in firings:
        out.print(f"  came  {when(each.due_at)}  {_came_to(each)}  {each.task_id or each.reason}")


def _came_to(firing: "Firing") -> str:
    return firing.task_state or firing.outcome


def _lines(times: list[datetime], zone: str) -> list[str]:
    """Each time in the zone, and in UTC where that is another one."""
    local = [each.astimezone(ZoneInfo(zone)).strftime("%a %Y-%m-%d %H:%M:%S %Z") for each in times]
    if zone == "UTC":
        return local
    return [f"{line}  {each.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" for line, each in zip(local, times, strict=True)]


def _what(order: Mapping[str, Any]) -> str:
    """What a schedule submits."""
    if order.get("template") or order.get("playbook"):
        return str(order.get("template") or "a plan of its own")
    return f"what a model is asked: {order.get('title') or order.get('description', '')}"
