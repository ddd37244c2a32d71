"""`demo model`: a server that plays a model, to try agents that think without one."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from worker.command_line.frame import Remote, console, frame, say

if TYPE_CHECKING:
    from opscore_sdk import OpsCoreClient
    from opscore_sdk.providers import Provider
    from worker.demo.script import Script
    from worker.demo.server import ModelServer

PORT = 8090
PROVIDER = "demo"
ASK = 'bin/opscore ask "Count the prime numbers" --tool files.write --tool python.run --follow'


@click.group(short_help="Try agents that think without a model.")
def demo() -> None:
    """Try agents that think without a model, an account or a cost."""


@demo.command(cls=Remote, short_help="Play a model: a server with scripted answers.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option(
    "--script", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="YAML or JSON with the answers."
)
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="A file that notes each request.")
@click.option("--add", "is_added", is_flag=True, help="Make it the provider `demo` for as long as it runs.")
def model(port: int, script: Path | None, log: Path | None, is_added: bool) -> None:
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
        with _added(server) if is_added else nullcontext():
            told = {"url": server.url, "models": [each.id for each in played.models], "is_added": is_added}
            frame().show(told, lambda: _told(server, is_added=is_added))
            signal.pause()
    except KeyboardInterrupt:
        pass  # which is how it is meant to end
    finally:
        server.stop()


@contextmanager
def _added(server: "ModelServer") -> Iterator[None]:
    """Within it the server is the provider `demo`; afterwards that is switched off, so that nobody asks it."""
    from opscore_sdk.exceptions import OpsCoreError

    with frame().client() as client:
        _add(client, server.script, server.url)
        try:
            yield
        finally:
            try:
                client.providers.disable(PROVIDER)
            except OpsCoreError as error:
                say(f"The provider {PROVIDER} is still switched on: {error}", err=True)


def _add(client: "OpsCoreClient", script: "Script", url: str) -> None:
    """Make the server at the address the provider; one that somebody else made by that name stays what it is.

    Raises:
        Conflict: there is such a one.
    """
    from models.errors import Conflict

    known = next((each for each in client.providers.all() if each.name == PROVIDER), None)
    if known is None:
        known = client.providers.add(PROVIDER, script.shape, url, script.key)
    elif not _is_ours(known, script):
        cure = f"bin/opscore provider remove {PROVIDER}, or start without --add and add its address by another name"
        raise Conflict(f"cannot be the provider {PROVIDER}: there is another, at {known.base_url}; {cure}")
    else:
        client.providers.change(PROVIDER, base_url=url, credential=script.key or "")
        client.providers.enable(PROVIDER)
    there = {each.name for each in known.models}
    for each in script.models:
        if each.id not in there:
            prices = {"input_price": each.input_price, "output_price": each.output_price}
            client.providers.add_model(PROVIDER, each.id, context_tokens=each.context_length, **prices)


def _is_ours(known: "Provider", script: "Script") -> bool:
    """Whether a demo model may have made it: its kind, and an address such as theirs."""
    address = urlsplit(known.base_url)
    is_here = (address.scheme, address.hostname, address.path.rstrip("/")) == ("http", "127.0.0.1", "/v1")
    return is_here and known.kind == script.shape


def _told(server: "ModelServer", *, is_added: bool) -> None:
    script = server.script
    out = console()
    out.print(f"The demo model answers at {server.url} until Ctrl-C.", style="bold")
    out.print(f"  Models   {', '.join(each.id for each in script.models)}")
    out.print(f"  API key  {'the one of the script' if script.key else 'none needed'}")
    out.print(f"  Log      {server.url.removesuffix('/v1')}/log")
    out.print("")
    if is_added:
        out.print(f"It is the provider {PROVIDER} now. In another terminal:")
        out.print(f"  {ASK}")
        out.print(f"Other providers may be asked before it: --model {PROVIDER}/{script.models[0].id} names it.")
    else:
        out.print("What next: start it again with --add, which makes it the provider `demo` of this OpsCore. Or enter")
        out.print("its address on the page Models, as a server that speaks the OpenAI protocol.")
