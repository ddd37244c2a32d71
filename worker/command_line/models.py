"""`model list | add | set | disable | enable | remove`; providers: providers.py."""

from typing import TYPE_CHECKING, Any

import click

from worker.command_line.frame import MISUSED, REFUSED, Remote, end, frame
from worker.command_line.providers import price
from worker.command_line.sure import confirmed

if TYPE_CHECKING:
    from opscore_sdk import OpsCoreClient
    from opscore_sdk.providers import LanguageModel

UNKNOWN = "unknown"


class Levels(click.ParamType):
    """Levels of complexity, `1-5` or `7`."""

    name = "levels"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        low, _, high = str(value).partition("-")
        if not (low.isdecimal() and (high or low).isdecimal()):
            self.fail("write levels such as 1-5 or 7", param, ctx)
        return int(low), int(high or low)


def fields(command: Any) -> Any:
    """The options that say what a model costs and is for."""
    for option in reversed((
        click.option("--input-price", metavar="DOLLARS", help="For a million tokens of questions; 0 is free."),
        click.option("--output-price", metavar="DOLLARS", help="For a million tokens of answers; or 'unknown'."),
        click.option("--complexity", type=Levels(), metavar="1-10", help="Levels of the tasks that it is for."),
        click.option("--output-tokens", type=click.IntRange(1), help="Most that one answer may have."),
        click.option("--context-tokens", type=click.IntRange(1), help="Most that a conversation may have."),
        click.option("--position", type=click.IntRange(0), help="Of those for a level the lowest is asked first."),
    )):  # fmt: skip
        command = option(command)
    return command


@click.group(short_help="Say which language models tasks think with.")
def model() -> None:
    """Say which language models tasks think with, what they cost and what they are for."""


@model.command(cls=Remote, short_help="Let tasks think with a model.")
@click.argument("name", metavar="PROVIDER/MODEL")
@fields
@click.option("--unlisted", is_flag=True, help="Do not ask its provider for prices; what is not said is unknown.")
def add(name: str, unlisted: bool, **given: Any) -> None:
    """Let tasks think with this model; its prices are its provider's, where that tells them."""
    provider, model_name = _parts(name)
    said = _fields(given)
    with frame().client() as client:
        if unlisted:
            made = client.providers.add_model(provider, model_name, **said)
        else:
            made = client.providers.take_over(provider, [model_name])[0]
            made = client.providers.change_model(made.id, **said) if said else made
    frame().show(made, lambda: _said(made))


@model.command("set", cls=Remote, short_help="Say what a model costs and what it is for.")
@click.argument("name", metavar="PROVIDER/MODEL")
@fields
def set_fields(name: str, **given: Any) -> None:
    """Say what a model costs and what it is for; what is not named stays."""
    if not (said := _fields(given)):
        end(MISUSED, "say what to set, such as --input-price 0.15 --output-price 0.6.")
    with frame().client() as client:
        made = client.providers.change_model(_found(client, name).id, **said)
    frame().show(made, lambda: _said(made))


@model.command(cls=Remote)
@click.argument("name", metavar="PROVIDER/MODEL")
def disable(name: str) -> None:
    """Switch a model off: it is not asked until it is switched on again."""
    with frame().client() as client:
        made = client.providers.change_model(_found(client, name).id, is_disabled=True)
    frame().show(made, lambda: f"{made.full_name} is switched off: it is not asked.")


@model.command(cls=Remote)
@click.argument("name", metavar="PROVIDER/MODEL")
def enable(name: str) -> None:
    """Switch a model on: it is asked again."""
    with frame().client() as client:
        made = client.providers.change_model(_found(client, name).id, is_disabled=False)
    frame().show(made, lambda: f"{made.full_name} is switched on: it is asked again.")


@model.command(cls=Remote)
@click.argument("name", metavar="PROVIDER/MODEL")
@confirmed("Forget this model?", "this forgets the model and its prices")
def remove(name: str) -> None:
    """Forget a model; what was spent with it stays."""
    with frame().client() as client:
        client.providers.remove_model(_found(client, name).id)
    frame().show({"removed": name}, lambda: f"{name} is forgotten.")


def _parts(name: str) -> tuple[str, str]:
    provider, _, model_name = name.partition("/")
    if not model_name:
        end(MISUSED, f"write PROVIDER/MODEL, such as local/gpt-oss:20b, and not {name}.")
    return provider, model_name


def _found(client: "OpsCoreClient", name: str) -> "LanguageModel":
    provider, model_name = _parts(name)
    found = next((each for each in client.providers.named(provider).models if each.name == model_name), None)
    if found is None:
        end(REFUSED, f"there is no model {name}; bin/opscore provider list shows all.")
    return found


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    said = {key: value for key, value in given.items() if value is not None}
    if (levels := said.pop("complexity", None)) is not None:
        said |= {"complexity_min": levels[0], "complexity_max": levels[1]}
    return {key: None if value == UNKNOWN else value for key, value in said.items()}


def _said(made: "LanguageModel") -> str:
    levels = f"{made.complexity_min}-{made.complexity_max}"
    costs = f"input {price(made.input_price)}, output {price(made.output_price)} for a million tokens"
    return f"{made.full_name}: complexity {levels}, {costs}, answers of {made.output_tokens:,} tokens at most."
