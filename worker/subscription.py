"""Which queues a worker serves: `--agent NAME --complexity 4-7`, or Celery's own `-Q`.

With `--complexity` exactly the queues of that range and `agent.NAME` are consumed.  With `-Q`
these and `agent.NAME`.  Without `--agent` the agent is named after the host.
"""

import re
import socket
from dataclasses import dataclass
from typing import Any

from celery import Celery, signals
from celery.bin.base import CeleryOption

from models.errors import InvalidInput
from tasks.broker import queue_named

LEVELS = range(1, 11)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_LEVEL = re.compile(r"complexity\.(\d+)")
_OTHER = re.compile(rf"(?:agent|capability)\.{_NAME.pattern}")


@dataclass(frozen=True)
class Subscription:
    """The agent's name, its range of complexity (None with plain queues that are no levels), and its queues."""

    agent: str
    lowest: int | None
    highest: int | None
    queues: tuple[str, ...]


def add_options(app: Celery) -> None:
    """Teach `celery worker` the two options, and the queues of `-Q` that celeryconfig.py cannot list."""
    signals.celeryd_init.connect(_take_named_queues, weak=False)
    group = "OpsCore Options"
    name = "Name of the agent that this worker serves."
    levels = "Levels that it takes, one or a range: 7 or 4-7 (1 is simple, 10 is hard)."
    app.user_options["worker"].add(CeleryOption(["--agent"], help_group=group, help=name))
    app.user_options["worker"].add(CeleryOption(["--complexity"], help_group=group, help=levels))


def subscription(agent: str | None, complexity: str | None, wanted: list[str]) -> Subscription:
    """What the options mean; `wanted` are the queues of `-Q`, empty without it.

    Raises:
        InvalidInput: an option makes no sense; the message names it and the cure.
    """
    name = agent or _name_of_host()
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"cannot use --agent {name}: small letters, digits, - and _ only, 80 at most")
    if complexity and wanted:
        raise InvalidInput("cannot use --complexity and -Q together: name the levels or the queues")
    if wanted:
        levels = [int(found[1]) for queue in wanted if (found := _LEVEL.fullmatch(queue))]
        queues = dict.fromkeys([*wanted, f"agent.{name}"])
        return Subscription(name, min(levels, default=None), max(levels, default=None), tuple(queues))
    lowest, highest = _range(complexity or f"{LEVELS[0]}-{LEVELS[-1]}")
    of_range = [f"complexity.{level}" for level in range(lowest, highest + 1)]
    return Subscription(name, lowest, highest, (*of_range, f"agent.{name}"))


def subscribe(app: Celery, chosen: Subscription) -> None:
    """Make the worker consume exactly these queues."""
    queues = app.amqp.queues
    for name in chosen.queues:
        if name not in queues:
            queues.add(queue_named(name))
    queues.select(list(chosen.queues))


def _take_named_queues(instance: Any, options: dict[str, Any], **_: Any) -> None:
    """Keep what `-Q` names as `app.named_queues`, empty without it: Celery gives bootsteps every option but this.

    A queue of an agent or a capability exists once it is named; Celery selects them after this signal.
    """
    app = instance.app
    app.named_queues = list(options.get("queues") or [])
    for name in app.named_queues:
        if name in app.amqp.queues:
            continue
        if not _OTHER.fullmatch(name):
            raise SystemExit(f"error: cannot use -Q {name}: no task is sent there; name complexity.1-10 or agent.NAME")
        app.amqp.queues.add(queue_named(name))


def _range(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,2})(?:-([0-9]{1,2}))?", text.strip())
    lowest, highest = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not LEVELS[0] <= lowest <= highest <= LEVELS[-1]:
        raise InvalidInput(f"cannot use --complexity {text}: one level or a range within 1-10, such as 4-7")
    return lowest, highest


def _name_of_host() -> str:
    plain = re.sub(r"[^a-z0-9_-]+", "-", socket.gethostname().lower()).strip("-_")
    return plain or "worker"
