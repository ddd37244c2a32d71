"""`provider list | add | change | test | models | disable | enable | remove | encrypt-again`; models: models.py."""

import sys
from typing import TYPE_CHECKING, Any, TextIO

import click

from tools.terminal_text import one_line
from worker.command_line.frame import FAILED, Remote, frame
from worker.command_line.sure import confirmed
from worker.command_line.words import in_dollars, when

if TYPE_CHECKING:
    from opscore_sdk.providers import OfferedModel, Provider, ProviderTest

SHOWN = 50
NO_PROVIDER = "No provider yet: bin/opscore provider add local --kind ollama"
credential_file = click.option(
    "--credential-file",
    type=click.File("r"),
    metavar="FILE",
    help="File with the credential (its key) that the server asks for; - is what is piped in.",
)


@click.group(short_help="Say who offers language models.")
def provider() -> None:
    """Say who offers language models: OpenRouter, Ollama, any server that speaks the OpenAI protocol."""


@provider.command("list", cls=Remote, short_help="List the providers and their models.")
def list_providers() -> None:
    """List the providers and their models, each in the order in which they are asked."""
    with frame().client() as client:
        found = client.providers.all()
    frame().show({"providers": found}, lambda: _table(found) if found else NO_PROVIDER)


@provider.command(cls=Remote, short_help="Add a provider.")
@click.argument("name")
@click.option("--kind", type=click.Choice(("openrouter", "ollama", "openai")), default="openai", show_default=True)
@click.option("--address", default="", help="Where its API is, /v1 included; without it the usual place of its kind.")
@credential_file
def add(name: str, kind: str, address: str, credential_file: TextIO | None) -> None:
    """Add the provider NAME; asks for its credential on a terminal, where none is handed in."""
    credential = _read(credential_file, asks=kind != "ollama")
    with frame().client() as client:
        made = client.providers.add(name, kind, address, credential)
        offered = f"See what it offers: bin/opscore provider models {made.name}"
    frame().show(made, lambda: f"{made.name} is there, at {made.base_url}. {offered}")


@provider.command(cls=Remote, short_help="Give a provider another address or credential.")
@click.argument("name")
@click.option("--address", help="Another place of its API; its credential has to be handed in again.")
@credential_file
@click.option("--no-credential", is_flag=True, help="Forget its credential.")
def change(name: str, address: str | None, credential_file: TextIO | None, no_credential: bool) -> None:
    """Give the provider NAME another address or another credential."""
    credential = "" if no_credential else _read(credential_file, asks=address is None)
    with frame().client() as client:
        made = client.providers.change(name, base_url=address, credential=credential)
    frame().show(made, lambda: f"{made.name} is at {made.base_url}, credential: {made.credential or 'none'}.")


@provider.command(cls=Remote, short_help="Ask whether a provider is there and takes its credential.")
@click.argument("name")
def test(name: str) -> None:
    """Ask the server of the provider NAME whether it is there and takes its credential; no model is called."""
    with frame().client() as client:
        found = client.providers.test(name)
    frame().show(found, lambda: _said(name, found))
    if found.error:
        raise click.exceptions.Exit(FAILED)


@provider.command(cls=Remote, short_help="List the models that a provider offers.")
@click.argument("name")
@click.argument("words", metavar="[WORD]...", nargs=-1)
def models(name: str, words: tuple[str, ...]) -> None:
    """List the models that the provider NAME offers; each WORD must stand in the model's name."""
    with frame().client() as client:
        found = [each for each in client.providers.offered(name) if all(word in each.name for word in words)]
    frame().show({"models": found}, lambda: _offered(name, found))


@provider.command(cls=Remote)
@click.argument("name")
@confirmed("Switch it off? None of its models is asked until it is switched on again.", "this has no model of it asked")
def disable(name: str) -> None:
    """Switch a provider off: none of its models is asked."""
    with frame().client() as client:
        found = client.providers.disable(name)
    frame().show(found, lambda: f"{name} is switched off: none of its models is asked.")


@provider.command(cls=Remote)
@click.argument("name")
def enable(name: str) -> None:
    """Switch a provider on: its models are asked again."""
    with frame().client() as client:
        found = client.providers.enable(name)
    frame().show(found, lambda: f"{name} is switched on: its models are asked again.")


@provider.command(cls=Remote)
@click.argument("name")
@confirmed("Forget it, its models and its credential?", "this forgets its models and its credential")
def remove(name: str) -> None:
    """Forget a provider, its models and its credential."""
    with frame().client() as client:
        client.providers.remove(name)
    frame().show({"removed": name}, lambda: f"{name} is forgotten.")


@provider.command("encrypt-again", cls=Remote, short_help="Encrypt all credentials by the first encryption key.")
def encrypt_again() -> None:
    """Encrypt all credentials by the first of OPSCORE_ENCRYPTION_KEYS, so that the other ones may go."""
    with frame().client() as client:
        count = client.providers.encrypt_again()
    frame().show({"credentials": count}, lambda: f"Encrypted again: {count}.")


def _read(file: TextIO | None, *, asks: bool) -> str | None:
    """The credential: from the file, else from the person at a terminal; never an argument, which others can see."""
    if file is not None:
        return file.read().strip()
    if not asks or frame().is_json or not sys.stdin.isatty():
        return None
    told = click.prompt("Credential (Enter where none is needed)", default="", show_default=False, hide_input=True)
    return str(told).strip() or None


def _said(name: str, found: "ProviderTest") -> str:
    if found.error:
        return f"{name}: {one_line(found.error)}"
    taken = ", takes its credential" if found.is_accepted else ""
    return f"{name} answers{taken} and lists {found.models} {'model' if found.models == 1 else 'models'}."


def _table(found: "list[Provider]") -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("PROVIDER / MODEL", "COMPLEXITY", "INPUT", "OUTPUT", "ANSWER", "NOTE"):
        table.add_column(title)
    for each in found:
        table.add_row(Text(each.name, style="bold"), "", "", "", "", Text(_note(each), style="dim"))
        for model in each.models:
            levels = f"{model.complexity_min}-{model.complexity_max}"
            table.add_row(
                Text(f"  {one_line(model.full_name)}"), levels, price(model.input_price), price(model.output_price),
                f"{model.output_tokens:,}", "not asked" if model.is_disabled else "",
            )  # fmt: skip
    return table


def _note(found: "Provider") -> str:
    if found.is_disabled:
        return "not asked"
    if found.test_error:
        return one_line(found.test_error)
    return f"tested {when(found.tested_at)}" if found.tested_at else "not tested"


def _offered(name: str, found: "list[OfferedModel]") -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    if not found:
        return "It offers no such model."
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("MODEL", "INPUT", "OUTPUT", "CONTEXT"):
        table.add_column(title)
    for each in found[:SHOWN]:
        context = f"{each.context_tokens:,}" if each.context_tokens else "–"
        table.add_row(Text(one_line(each.name)), price(each.input_price), price(each.output_price), context)
    return Group(table, _more(name, len(found)))


def _more(name: str, count: int) -> str:
    more = f"{count - SHOWN} more: name a word of theirs. " if count > SHOWN else ""
    return f"{more}Add one: bin/opscore model add {name}/MODEL"


def price(dollars: float | None) -> str:
    """Of a million tokens: `$0.15`, `free`, `unknown`."""
    if dollars is None:
        return "unknown"
    return "free" if dollars == 0 else in_dollars(dollars)
