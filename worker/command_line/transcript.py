"""`task transcript`: what a task did, whole, as Markdown or as a page."""

import io
from pathlib import Path

import click

from worker.command_line.frame import MISUSED, Remote, end, frame, say
from worker.command_line.named import id_of


@click.command(cls=Remote, short_help="Export what a task did, whole.")
@click.argument("task_id", metavar="TASK")
@click.option("--format", "form", type=click.Choice(["md", "html"]), default="md", show_default=True, help="As what.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file, for standard output.")
def transcript(task_id: str, form: str, output: Path | None) -> None:
    """Export what a task did: each call, decision, cost and file. Secrets are masked.

    The page (--format html) needs nothing beside it: it can be kept, printed and handed on.
    """
    written = io.BytesIO()
    with frame().client() as client:
        client.transcript(id_of(client, task_id), written, format=form)
    text = written.getvalue()
    if output is None:
        frame().show({"format": form, "text": text.decode()}, lambda: say(text.decode()))
        return
    try:
        output.write_bytes(text)
    except OSError as error:
        end(MISUSED, f"cannot write {output}: {error.strerror}.")
    frame().show({"path": str(output), "size_bytes": len(text)}, lambda: f"Written: {output}")
