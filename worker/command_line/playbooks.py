"""`playbook check`: what is wrong with a playbook, or what it would call.  Needs no server."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from worker.command_line.frame import FAILED, MISUSED, Local, as_json, console, end, frame

if TYPE_CHECKING:
    from models.errors import Problem
    from tasks.plans.playbook import PlannedCall


@click.group()
def playbook() -> None:
    """Work on playbooks."""


@playbook.command(cls=Local, short_help="Find every mistake in a playbook.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("-i", "--input", "given", multiple=True, metavar="KEY=VALUE", help="An input, to see what it does.")
def check(file: str, given: tuple[str, ...]) -> None:
    """Look a playbook over: every mistake with its line, or what each step would call.

    Nothing is run. Exit code 1 when something is wrong.
    """
    from models.errors import InvalidInput
    from tasks.plans.plan_text import parse
    from tasks.plans.playbook import Playbook, check_inputs, dry_run, with_defaults

    inputs = dict(_pair(each) for each in given)
    try:
        parsed = parse(_text(file))
    except InvalidInput as error:
        problems, calls = error.problems, []
        kind = ""
    else:
        kind = f"playbook of {len(parsed.steps)} steps" if isinstance(parsed, Playbook) else "model plan"
        problems = check_inputs(parsed, with_defaults(parsed, inputs)) if given else []
        calls = dry_run(parsed, inputs)
    shown = [call.model_dump(mode="json") for call in calls]
    result = {"is_valid": not problems, "problems": problems, "calls": shown}
    frame().show(result, lambda: _show(file, problems, calls, kind))
    if problems:
        raise click.exceptions.Exit(FAILED)


def _pair(given: str) -> tuple[str, Any]:
    import yaml

    name, separator, value = given.partition("=")
    if not separator:
        end(MISUSED, f"-i {given} is no input: write -i KEY=VALUE.")
    return name, yaml.safe_load(value)


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        end(MISUSED, f"cannot read {file} as text: {error}.")


def _show(file: str, problems: "list[Problem]", calls: "list[PlannedCall]", kind: str) -> None:
    from rich.text import Text

    out = console()
    for problem in problems:
        place = f"{file}:{problem['line']}" if problem.get("line") else file
        part = f"{problem['path']}: " if problem["path"] else ""
        out.print(Text.assemble((f"{place}: ", "bold"), f"{part}{problem['message']}"))
    for number, call in enumerate(calls, 1):
        out.print(Text.assemble(f"{number:>3}  ", (f"{call.stage:<7}", "dim"), (call.title, "bold"), f"  {call.tool}"))
        out.print(Text(f"     {as_json(call.arguments, indent=None)}", style="dim"))
        if call.approval:
            out.print(Text("     waits for a person's approval first", style="dim"))
        if call.retry:
            out.print(Text(f"     if it fails: {call.retry_in_words}", style="dim"))
    if not problems:
        out.print(Text(f"{file} is a {kind}.", style="green"))
