"""`sandbox probe | run`: the agents' own sandbox, without a server."""

import codecs
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path, PurePosixPath
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from tools import tiers
from tools.terminal_text import Neutraliser
from worker.command_line.frame import INTERRUPTED, Local, console, end, frame
from worker.command_line.words import killed

if TYPE_CHECKING:
    from settings import Settings
    from tools.contract import Limits, ToolResult

NOT_THERE = 125
REFUSED = 1
STREAMS = ("stdout", "stderr")


@click.group()
def sandbox() -> None:
    """Try the sandbox that the agents' commands run in."""


@sandbox.command(cls=Local, short_help="Run a sandbox and say what it is.")
@click.option("--tier", type=click.IntRange(1, 3), help="Try this tier alone.")
def probe(tier: int | None) -> None:
    """Run a sandbox and say what it is; exit code 125 when this host has none, or not the tier asked for.

    Without --tier that is the tier that OPSCORE_SANDBOX_TIER demands, else the strongest that works.
    """
    from tools import sandbox as sandboxes

    found = sandboxes.probe(frame().settings().sandbox_tier if tier is None else tier)
    frame().show(found.as_dict(), lambda: _probe(found))
    if found.tier == tiers.NONE:
        raise click.exceptions.Exit(NOT_THERE)


@sandbox.command(cls=Local, context_settings={"ignore_unknown_options": False})
@click.option("--workspace", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
              metavar="DIR", help="The only folder that the command may write, a folder of its own. As root, what is "
              "in it belongs to another user while the command runs.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Longest time, in seconds.")
@click.argument("command", nargs=-1, required=True, metavar="-- CMD...")
def run(workspace: Path, timeout: float | None, command: tuple[str, ...]) -> None:
    """Run a command as an agent's tool would.

    The exit code is the command's; 124 when the time was up, 125 when this host cannot isolate.
    """
    from models.errors import OpsCoreError, SandboxUnavailable
    from tasks.runs.limits import of_installation
    from tools.limits import tightest

    told = frame().settings()
    within = tightest([("installation", of_installation(told)), ("option", {"wall": timeout} if timeout else {})])
    try:
        finished = _run(told, workspace.resolve(), command, within.limits)
    except SandboxUnavailable as error:
        end(NOT_THERE, f"{error}. bin/opscore doctor names the cure.")
    except OpsCoreError as error:
        # What a step would fail with, such as packages.txt naming what this host does not have.
        end(REFUSED, f"{error}.")
    said = f"{within.of(finished.hit).reached}." if finished.hit else None
    if frame().is_json:
        click.echo(_as_json(finished, said))
    else:
        for each in filter(None, (said, _ended_too(finished))):
            click.echo(each, err=True)
    raise click.exceptions.Exit(INTERRUPTED if finished.exit_code is None else finished.exit_code)


def _run(told: "Settings", folder: Path, command: tuple[str, ...], limits: "Limits") -> "ToolResult":
    """One call of terminal.run on the folder, as a step's would be; a person may start any program."""
    from settings import PROJECT
    from tasks.folders import workspaces_root
    from tasks.runs.calls import context_of
    from tools import borrowed
    from tools.contract import ignore
    from tools.registry import find
    from tools.sandbox import choose
    from tools.workspace import Workspace

    if folder.parent != workspaces_root():
        borrowed.require_lendable(folder, (told.data_dir, told.tool_env, PROJECT))
    tool, isolated = find("terminal.run"), choose(told.sandbox_tier)
    owned = borrowed.borrowed(folder) if isolated.tier != tiers.NONE else nullcontext()
    with owned, _until_signalled() as stopped:
        context = replace(
            context_of(told, Workspace(folder), isolated, limits),
            terminal_allow=(PurePosixPath(command[0]).name,),
            is_cancelled=stopped.is_set,
            emit=ignore if frame().is_json else _PassOn(),
        )
        return tool.run(tool.parse({"command": command}), context)


@contextmanager
def _until_signalled() -> Iterator[Event]:
    """An event that Ctrl-C or SIGTERM sets: the command is ended in order before this process is."""
    stopped = Event()
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _PassOn:
    """Hands on what the command prints: into a pipe or a file as it is, to a terminal so that it cannot steer it."""

    def __init__(self) -> None:
        self._decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in STREAMS}
        self._neutral = {name: Neutraliser() for name in STREAMS}

    def __call__(self, stream: str, chunk: bytes) -> None:
        target = sys.stdout if stream == "stdout" else sys.stderr
        if target.isatty():
            chunk = self._neutral[stream].feed(self._decoders[stream].decode(chunk)).encode()
        target.buffer.write(chunk)
        target.flush()


def _ended_too(finished: "ToolResult") -> str:
    ended = killed(finished.resources.processes_killed)
    return f"{ended}." if ended else ""


def _as_json(finished: "ToolResult", said: str | None) -> str:
    from worker.command_line.frame import as_json

    shown: dict[str, Any] = {
        "exit_code": finished.exit_code,
        "hit": finished.hit,
        "said": said,
        "stdout": finished.stdout.text,
        "stderr": finished.stderr.text,
        "resources": vars(finished.resources),
    }
    return as_json(shown)


def _probe(found: Any) -> None:
    from rich.text import Text

    out = console()
    meant = tiers.meaning(found.tier)
    out.print(Text.assemble((found.name, meant.light), f"  (tier {found.tier})"))
    for words in filter(None, (meant.words, meant.cure)):
        out.print(words)
    for name, value in found.facts.items():
        out.print(Text.assemble((f"  {name}: ", "dim"), str(value)))
