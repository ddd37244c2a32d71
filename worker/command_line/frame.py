"""What all commands share: --json, --data and --url, the client, and errors as one clear sentence."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from opscore_sdk import OpsCoreClient
    from settings import Settings

FAILED, MISUSED, UNREACHABLE, REFUSED = 1, 2, 3, 4
INTERRUPTED = 130
PIPE_WIDTH = 400


@dataclass
class Frame:
    """What was said on the command line to every command."""

    is_json: bool = False
    url: str | None = None

    def settings(self) -> "Settings":
        """The settings of the installation at hand; while it runs, with the port that it was started with."""
        import settings
        from worker.installation import record

        running = record.read(settings.load())
        port = urlsplit(running.url).port if running else None
        if port and not {"OPSCORE_PORT", "PORT"} & os.environ.keys():
            os.environ["OPSCORE_PORT"] = str(port)
            settings.load.cache_clear()
        return settings.load()

    def address(self) -> str:
        """Where its web application is: as told, else as the settings say."""
        told = self.url or os.environ.get("OPSCORE_URL")
        return told.rstrip("/") if told else self.settings().url

    def client(self) -> "OpsCoreClient":
        """A client of the installation's API."""
        from opscore_sdk import OpsCoreClient

        return OpsCoreClient(self.address(), self.token())

    def token(self) -> str:
        """The API's token; ends the command where there is no installation."""
        settings = self.settings()
        if not settings.api_token:
            # Asking for the token would make one: a slip of the pen in --data leaves no folder behind.
            self.require_folder()
        return settings.token

    def require_folder(self) -> None:
        """Return only when the data folder is there."""
        folder = self.settings().data_dir
        if not folder.is_dir():
            end(UNREACHABLE, f"there is no OpsCore in {folder}. Start it with bin/up, or name its folder with --data.")

    def show(self, value: Any, human: Callable[[], Any]) -> None:
        """Print the value as JSON when that was asked for; else what `human` makes of it."""
        if self.is_json:
            click.echo(as_json(value))
            return
        shown = human()
        if shown is not None:
            console().print(shown)


def frame() -> Frame:
    """The running command's."""
    return click.get_current_context().find_root().ensure_object(Frame)


def console(*, stderr: bool = False) -> Any:
    """Where text for people goes; no text can steer the terminal, whoever wrote it."""
    from worker.command_line.safe_console import SafeConsole

    # A pipe has no width: nothing is cut or folded for it.
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return SafeConsole(stderr=stderr, highlight=False, markup=False, emoji=False, width=width)


def say(text: str, *, err: bool = False) -> None:
    """Print a text that may hold what a program or a stranger wrote."""
    from tools.terminal_text import plain

    click.echo(plain(text), err=err)


def as_json(value: Any, indent: int | None = 2) -> str:
    """The value as JSON text; an answer of the server as the server gave it."""
    from tools.terminal_text import escaped

    return escaped(json.dumps(value, default=_plain, indent=indent, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if hasattr(value, "raw"):
        return value.raw
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)


def _set_json(_context: click.Context, _parameter: click.Parameter, is_on: bool) -> None:
    if is_on:
        frame().is_json = True


def _set_url(_context: click.Context, _parameter: click.Parameter, url: str | None) -> None:
    if url:
        frame().url = url


def _set_data(_context: click.Context, _parameter: click.Parameter, folder: Path | None) -> None:
    # Before anything loads the settings, which are read once.
    if folder:
        os.environ["OPSCORE_DATA_DIR"] = str(folder.absolute())


def _shared_options() -> list[click.Parameter]:
    return [
        click.Option(["--json"], is_flag=True, expose_value=False, callback=_set_json, help="Print JSON."),
        click.Option(
            ["--data"],
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            expose_value=False,
            callback=_set_data,
            help="Folder of the installation (default: var, or OPSCORE_DATA_DIR).",
        ),
    ]


def _address_option() -> click.Parameter:
    return click.Option(
        ["--url"],
        metavar="URL",
        expose_value=False,
        callback=_set_url,
        help="Address of the web application (default: the one that runs here, or OPSCORE_URL).",
    )


class Local(click.Command):
    """A command about this machine, with the options that every command has."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params += _shared_options()


class Remote(Local):
    """A command that asks the web application."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.append(_address_option())

    def invoke(self, ctx: click.Context) -> Any:
        # Here and not for all commands: the import costs a quarter of a second.
        from opscore_sdk import exceptions

        try:
            return super().invoke(ctx)
        except exceptions.Unreachable as error:
            end(UNREACHABLE, f"{error}. Is OpsCore running? Start it with bin/up.")
        except exceptions.Unauthorized:
            told, settings = frame(), frame().settings()
            token = "OPSCORE_API_TOKEN" if settings.api_token else f"the token of {settings.data_dir}"
            end(
                REFUSED,
                f"{told.address()} does not take {token}: another installation answers there. "
                "Start this one with bin/up, or name the other's folder with --data.",
            )
        except exceptions.ApiError as error:
            facts = [f"{name}: {_listed(value)}" for name, value in error.facts.items()]
            problems = [str(problem) for problem in error.problems]
            end(MISUSED if isinstance(error, exceptions.InvalidRequest) else REFUSED, error.detail, problems + facts)


class Program(click.Group):
    """The whole: what goes wrong on this machine ends here, as a sentence and an exit code."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params += [*_shared_options(), _address_option()]

    def invoke(self, ctx: click.Context) -> Any:
        from models.errors import Misconfigured, OpsCoreError

        try:
            return super().invoke(ctx)
        except OpsCoreError as error:
            problems = [_problem(each) for each in getattr(error, "problems", [])]
            problems += error.details.get("problems", []) if isinstance(error, Misconfigured) else []
            end(MISUSED, error.message if problems else str(error), problems)


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _problem(problem: Any) -> str:
    line = f", line {problem['line']}" if problem.get("line") else ""
    return f"{problem['path']}{line}: {problem['message']}"


def end(code: int, sentence: str, lines: list[str] | None = None) -> NoReturn:
    """Say why on standard error, and exit."""
    say(f"Error: {sentence}", err=True)
    for line in lines or []:
        say(f"  {line}", err=True)
    raise click.exceptions.Exit(code)
