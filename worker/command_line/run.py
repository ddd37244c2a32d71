"""`run`: submit a task from a template, or from a playbook in a file."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from worker.command_line.following import follow
from worker.command_line.frame import MISUSED, Frame, Remote, end, frame
from worker.command_line.limits import given_limits, limit_option

if TYPE_CHECKING:
    from opscore_sdk import OpsCoreClient, Task


@click.command(cls=Remote)
@click.argument("what", metavar="TEMPLATE|FILE")
@click.option("-i", "--input", "given", multiple=True, metavar="KEY=VALUE", help="An input; @FILE uploads the file.")
@click.option("--title", help="What people see.")
@click.option("--complexity", type=click.IntRange(1, 10), help="1 to 10: routes the task to an agent.")
@click.option("--priority", type=click.IntRange(0, 9), help="0 to 9, higher is sooner (default: 4).")
@click.option("--agent", metavar="NAME", help="Only this agent may take it.")
@limit_option()
@click.option("--follow", "is_followed", is_flag=True, help="Show each step live; exit code 1 if the task fails.")
def run(what: str, given: tuple[str, ...], limits: tuple[str, ...], is_followed: bool, **options: Any) -> None:
    """Submit a task.

    TEMPLATE is a template's name (`bin/opscore run survey-code-base -i source=@my-code/`), FILE is a file with a
    playbook. Inputs are text unless the plan says otherwise. For an input that is a file or folder, `@PATH`
    uploads it (a folder as an archive); a file's path alone uploads it too, a folder's path is read where the
    agents run.
    """
    told = frame()
    allowed = {name: value for name, value in given_limits(limits).items() if value is not None}
    with told.client() as client:
        text = _playbook(what)
        schema = _schema(client, what, text)
        inputs = dict(_input(client, schema, each) for each in given)
        wanted = {name: value for name, value in options.items() if value is not None}
        task = client.submit(None if text else what, playbook=text, inputs=inputs, limits=allowed, **wanted)
        if is_followed:
            follow(told, client, task.id)
        else:
            told.show(task, lambda: _submitted(told, task))


def _submitted(told: Frame, task: "Task") -> Any:
    from rich.text import Text

    follow_it = f"\n{told.address()}/tasks/{task.id}\nWatch it: bin/opscore task follow {task.id}"
    return Text.assemble("Submitted ", (task.id, "bold"), follow_it)


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
    from tasks.playbook import parse

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
