"""What to submit, as `run`, `ask` and `schedule create` take it: a template, a plan's file or words; inputs, wishes."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from worker.command_line.frame import MISUSED, end
from worker.command_line.limits import given_limits, limit_option

if TYPE_CHECKING:
    from opscore_sdk import OpsCoreClient

RETRY = "About trying a failed step again, such as attempts=5, first=10s; none of it: attempts=1."
MODEL = "The language model that works on it; of several the first that answers (default: by complexity)."
APPROVE = "A tool whose calls a person must approve; `plan` for the whole plan."
_OPTIONS = (
    click.option(
        "-i", "--input", "given", multiple=True, metavar="KEY=VALUE", help="An input; @FILE uploads the file."
    ),
    click.option("--title", help="What people see."),
    click.option("--complexity", type=click.IntRange(1, 10), help="1 to 10: routes the task to an agent."),
    click.option("--priority", type=click.IntRange(0, 9), help="0 to 9, higher is sooner (default: 4)."),
    click.option("--agent", metavar="NAME", help="Only this agent may take it."),
    limit_option(),
    click.option("--deadline", metavar="TIME", help="It fails unless it has ended so long after its start."),
    click.option("--retry", "retries", multiple=True, metavar="NAME=VALUE", help=RETRY),
    click.option("--tool", "tools", multiple=True, metavar="NAME", help="A tool that the model may use."),
    click.option("--model", "models", multiple=True, metavar="PROVIDER/MODEL", help=MODEL),
    click.option("--budget-tokens", type=click.IntRange(1), help="Most tokens of all its model calls together."),
    click.option("--budget-cost", type=click.FloatRange(0, min_open=True), help="Most US dollars for its model calls."),
    click.option("--budget-calls", type=click.IntRange(1), help="Most calls of models."),
    click.option("--budget-wall", "budget_wall_s", metavar="TIME", help="Most time at work, such as '20 min'."),
    click.option("--promise", "promises", multiple=True, metavar="PATH", help="A file that must be there at the end."),
    click.option("--approve", "approvals", multiple=True, metavar="TOOL", help=APPROVE),
)


def order_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of what to submit; what was given is read with `given_order`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given_order(client: "OpsCoreClient", what: str | None, options: dict[str, Any], ask: str = "") -> dict[str, Any]:
    """What to submit, by the names of the API; takes its options out of `options`.  Uploads what inputs name.

    `what` is a template or a file; without it a model does what `ask` says.
    """
    text = _playbook(what) if what else None
    schema = _schema(client, what, text) if what else {"source": {"type": "string", "format": "source"}}
    order: dict[str, Any] = {"playbook": text} if text else {"template": what} if what else {"description": ask}
    order["inputs"] = given_inputs(client, schema, options.pop("given"))
    limits = given_limits(options.pop("limits"))
    order["limits"] = {name: value for name, value in limits.items() if value is not None}
    order["retry"] = dict(_pair("--retry", each) for each in options.pop("retries"))
    named = {name: options.pop(name) for name in ("title", "complexity", "priority", "agent", "deadline")}
    return order | {name: value for name, value in named.items() if value is not None} | _thinking(options)


def _thinking(options: dict[str, Any]) -> dict[str, Any]:
    """What was said about a model's work; nothing of what was not."""
    lists = {name: list(options.pop(name)) for name in ("tools", "promises", "approvals")}
    budget = {name: options.pop(f"budget_{name}") for name in ("tokens", "cost", "calls", "wall_s")}
    if budget["wall_s"] is not None:
        budget["wall_s"] = _seconds("--budget-wall", budget["wall_s"])
    said: dict[str, Any] = {**lists, "model": list(options.pop("models"))}
    said["budget"] = {name: value for name, value in budget.items() if value is not None}
    return {name: value for name, value in said.items() if value}


def _seconds(option: str, given: str) -> float:
    from tools import quantities

    try:
        return quantities.read(given, quantities.Measure.SECONDS)
    except ValueError as error:
        end(MISUSED, f"cannot read {option} {given}: {error}.")


def given_inputs(client: "OpsCoreClient", schema: Mapping[str, Any], given: tuple[str, ...]) -> dict[str, Any]:
    """The inputs that were given, each as the kind that the schema says.  Uploads what they name."""
    return dict(_input(client, schema, each) for each in given)


def _pair(option: str, given: str) -> tuple[str, str]:
    name, separator, value = given.partition("=")
    if not separator:
        end(MISUSED, f"{option} {given} says nothing: write {option} NAME=VALUE.")
    return name.strip(), value.strip()


def _playbook(what: str) -> str | None:
    """The text of the file; None when `what` is a template's name."""
    path = Path(what)
    if not path.is_file():
        if "/" in what or path.suffix in (".yaml", ".yml", ".json"):
            end(MISUSED, f"there is no file {what}.")
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        end(MISUSED, f"cannot read {what} as text: {error}.")


def _schema(client: "OpsCoreClient", what: str, text: str | None) -> Mapping[str, Any]:
    """The JSON Schema of the inputs, field by field."""
    if text is None:
        return _fields(client.template(what).inputs)
    from tasks.plans.plan_text import parse

    return _fields(parse(text).inputs)


def _fields(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    fields = inputs.get("properties", {})
    return fields if isinstance(fields, dict) else {}


def _input(client: "OpsCoreClient", schema: Mapping[str, Any], given: str) -> tuple[str, Any]:
    name, separator, value = given.partition("=")
    if not separator or not name:
        end(MISUSED, f"-i {given} is no input: write -i KEY=VALUE.")
    field = schema.get(name, {})
    if field.get("format") == "source":
        return name, _source(client, value)
    return name, _typed(name, field, value)


def _typed(name: str, field: Mapping[str, Any], value: str) -> Any:
    """The value as the kind that the plan asks for; text where it asks for none."""
    kinds = field.get("type", "string")
    if kinds == "string" or "string" in kinds:
        return value
    import yaml

    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        end(MISUSED, f"-i {name}={value} is no {kinds}.")


def _source(client: "OpsCoreClient", value: str) -> str:
    if value.startswith("@"):
        path = Path(value[1:]).expanduser()
        if not path.exists():
            end(MISUSED, f"there is no file or folder {path}.")
        return _brought(client, path)
    path = Path(value).expanduser()
    if path.is_file():
        return _brought(client, path)
    return str(path.absolute()) if path.is_dir() else value


def _brought(client: "OpsCoreClient", path: Path) -> str:
    if path.is_file():
        return client.upload(path).input
    with tempfile.TemporaryDirectory(prefix="opscore-") as folder:
        packed = shutil.make_archive(str(Path(folder) / path.absolute().name), "zip", path)
        return client.upload(packed).input
