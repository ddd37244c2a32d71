"""The processes of an installation: what each runs, and how it is asked to end.

The Procfile has the same commands for a platform or honcho; tests compare the two.  Gunicorn's options
are in gunicorn.conf.py, Celery's in celeryconfig.py.
"""

import signal
import sys
from dataclasses import dataclass

from settings import Settings


@dataclass(frozen=True)
class Role:
    """One process: `stop` is a list of signals, each with the seconds that it gets; then comes SIGKILL."""

    role: str
    name: str
    command: tuple[str, ...]
    stop: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 5.0),)


# SIGTERM lets a running task finish.  What takes longer is cut off and goes back to its queue: a person who
# pressed Ctrl-C waits for seconds, not for the end of a ten-minute step.
STOP_AN_AGENT = ((signal.SIGTERM, 6.0), (signal.SIGQUIT, 4.0))


def all_roles(settings: Settings, flower_port: int) -> list[Role]:
    """Every process, in the order in which they start."""
    return [
        *([] if settings.broker_url else [Role("broker", "broker", _module("worker.installation.broker"))]),
        Role("web", "web", _module("gunicorn", "webapp:create_app()")),
        agent("scout", "1-5"),
        agent("builder", "4-10"),
        Role("reconciler", "reconciler", _module("worker.reconciler")),
        Role("flower", "flower", _flower(flower_port)),
    ]


def agent(name: str, complexity: str) -> Role:
    """The worker of one agent."""
    options = ("--agent", name, "--complexity", complexity, "--hostname", f"{name}@%h", "--concurrency", "2")
    return Role("agent", name, _celery("worker", *options, "--loglevel", "INFO"), STOP_AN_AGENT)


def _flower(port: int) -> tuple[str, ...]:
    # Read only, so that nothing goes around the database; on loopback, since it asks nobody for a password.
    return _celery("flower", "--address=127.0.0.1", f"--port={port}", "--read_only=True")


def _celery(*arguments: str) -> tuple[str, ...]:
    return _module("celery", "-A", "worker", *arguments)


def _module(*arguments: str) -> tuple[str, ...]:
    # Not the program in .venv/bin: that one breaks when the checkout is moved.
    return (sys.executable, "-m", *arguments)
