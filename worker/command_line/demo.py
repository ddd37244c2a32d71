"""`demo model`: a server that plays a model, to try agents that think without one."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.command_line.frame import Local, console, frame

if TYPE_CHECKING:
    from worker.demo.server import ModelServer

PORT = 8090


@click.group(short_help="Try agents that think without a model.")
def demo() -> None:
    """Try agents that think without a model, an account or a cost."""


@demo.command(cls=Local, short_help="Play a model: a server with scripted answers.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option(
    "--script", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="YAML or JSON with the answers."
)
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="A file that notes each request.")
def model(port: int, script: Path | None, log: Path | None) -> None:
    """Play a model: a server that speaks the OpenAI protocol and gives scripted answers.

    Without --script it writes a small program into the workspace, runs it and reports. Ctrl-C ends it.
    How a script is written: docs/how-to/demo-model.md.
    """
    from worker.demo.script import FIRST, load
    from worker.demo.server import ModelServer
    from worker.installation.ports import require_free

    played = load(script or FIRST)
    require_free("127.0.0.1", port)
    server = ModelServer(played, port, log)
    # Ended from outside it tidies up too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server.start()
    try:
        frame().show({"url": server.url, "models": [each.id for each in played.models]}, lambda: _told(server))
        signal.pause()
    except KeyboardInterrupt:
        pass  # which is how it is meant to end
    finally:
        server.stop()


def _told(server: "ModelServer") -> None:
    script = server.script
    names = ", ".join(each.id for each in script.models)
    out = console()
    out.print(f"The demo model answers at {server.url} until Ctrl-C.", style="bold")
    out.print(f"  Models   {names}")
    out.print(f"  API key  {'the one of the script' if script.key else 'none needed'}")
    out.print(f"  Log      {server.url.removesuffix('/v1')}/log")
    out.print("")
    out.print("What next: enter that address as an OpenAI-compatible provider, without a credential.")
