"""`bin/up`: start OpsCore on this machine, and stay until somebody asks it to stop.

The order of things is in installation.py; the options in options.py; the background in detach.py.
"""

import argparse
import sys
from collections.abc import Callable

import settings
from models.errors import Conflict, Misconfigured
from settings import Settings
from worker.installation import detach, lock, options, record
from worker.installation.terminal import Terminal

CANNOT_START = 2


def main() -> None:
    """Run bin/up, and exit with its code."""
    chosen = options.of_up()
    try:
        told = settings.load()
        told.data_dir.joinpath("logs").mkdir(mode=0o700, parents=True, exist_ok=True)
    except (Misconfigured, OSError) as error:
        Terminal().fail(sentence(error))
        sys.exit(CANNOT_START)
    if chosen.detach:
        log = told.data_dir / "logs" / "up.log"
        sys.exit(detach.in_background(lambda ready: start(chosen, told, ready), log))
    sys.exit(start(chosen, told, ready=lambda: None))


def start(chosen: argparse.Namespace, told: Settings, ready: Callable[[], None]) -> int:
    """Start, stay and stop; returns the exit code.  `ready` is called when the pages answer."""
    terminal = Terminal()
    try:
        with lock.held(told):
            terminal.say("OpsCore is starting. Ctrl-C stops it." if not chosen.detach else "OpsCore is starting.")
            # Only now: the tables, Celery and Flask take a second to load.
            from worker.installation.installation import Installation

            return Installation(chosen, told, terminal, ready).run()
    except Conflict:
        terminal.fail(_running_already(told))
    except Misconfigured as error:
        terminal.fail(sentence(error))
    return CANNOT_START


def sentence(error: Exception) -> str:
    """The error for a person: what cannot be done, and each problem on a line of its own."""
    if isinstance(error, OSError):
        return f"OpsCore cannot use the data folder: {error.strerror}: {error.filename}"
    if not isinstance(error, Misconfigured):
        return str(error)
    problems = error.details.get("problems", [])
    details = {name: value for name, value in error.details.items() if name != "problems"}
    shown = "".join(f"\n  {name}: {value}" for name, value in details.items())
    return f"OpsCore {error.message}{shown}" + "".join(f"\n  {problem}" for problem in problems)


def _running_already(told: Settings) -> str:
    now = record.read(told)
    who = f" (pid {now.supervisor.pid}, {now.url})" if now else ""
    return (
        f"OpsCore is already running on {told.data_dir}{who}.\n"
        f"Stop it with {options.command('bin/down', told)}, "
        "or give another folder with --data and another port with --port."
    )


if __name__ == "__main__":
    main()
