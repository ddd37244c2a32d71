"""`search list | show`."""

from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from tools.terminal_text import one_line
from worker.command_line.frame import Remote, frame
from worker.command_line.words import when

if TYPE_CHECKING:
    from opscore_sdk import Search


@click.group(short_help="Look at what tasks searched the web for.")
def search() -> None:
    """Look at what tasks searched the web for, and what they found."""


@search.command("list", cls=Remote, short_help="List searches, newest first.")
@click.argument("words", metavar="[WORD]...", nargs=-1)
@click.option(
    "--provider",
    type=click.Choice(("duckduckgo", "searxng")),
    help="Only those that it was asked, of the newest 20,000.",
)
@click.option("--task", type=click.UUID, metavar="TASK", help="Only those of this task.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many at most.")
def list_searches(words: tuple[str, ...], provider: str | None, task: UUID | None, limit: int) -> None:
    """List searches, newest first; each WORD must stand in what was searched for."""
    with frame().client() as client:
        found = client.searches.all(" ".join(words) or None, provider=provider, task=str(task) if task else None)
        listed = list(islice(found, limit))
    frame().show({"searches": listed}, lambda: _table(listed))


@search.command(cls=Remote)
@click.argument("search_id", metavar="SEARCH", type=click.UUID)
def show(search_id: UUID) -> None:
    """Show a search and its results."""
    with frame().client() as client:
        found = client.searches.named(str(search_id))
    frame().show(found, lambda: _detail(found))


def _table(found: "list[Search]") -> Any:
    from rich.table import Table
    from rich.text import Text

    if not found:
        return "No search fits. Tasks search with the tool web.search."
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("SEARCH", "WHEN", "ASKED", "RESULTS", "QUERY"):
        table.add_column(name)
    for each in found:
        results = "failed" if each.error else f"{len(each.results)}{' (kept)' if each.is_cached else ''}"
        table.add_row(each.id, when(each.at), each.provider, results, Text(one_line(each.query)))
    return table


def _detail(found: "Search") -> str:
    head = f"{one_line(found.query)}\n{found.provider}, {when(found.at)}"
    if found.error:
        return f"{head}\n\n{one_line(found.error)}"
    titles = (f"{each['position']:>3}. {one_line(each['title'])}\n" for each in found.results)
    lines = [f"{title}     {one_line(each['url'])}" for title, each in zip(titles, found.results, strict=True)]
    return "\n".join([head, "", *(lines or ["Nothing was found."])])
