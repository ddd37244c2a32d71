"""Wait until a process of the Procfile can start: the broker answers and the database is up to date.

    python -m worker.installation.ready [--tools]

honcho starts all lines at once, the release line with the migrations among them.  With `--tools` the
agents' Python is made too, where this host has none: on a platform each process may have its own disk.
"""

import sys
import time

import settings
from models.errors import Misconfigured
from settings import Settings
from tools import environment
from worker.installation import broker, schema

WITHIN_S = 120.0


def main() -> None:
    """Wait, then exit with 0; with 1 and a sentence where it takes too long."""
    told = settings.load()
    try:
        wait(told, WITHIN_S)
        if "--tools" in sys.argv:
            environment.ensure(told.tool_env)
    except Misconfigured as error:
        sys.exit(f"error: {error}")


def wait(told: Settings, within_s: float) -> None:
    """Return when both are there.

    Raises:
        Misconfigured: one was not there in time; says which.
    """
    deadline = time.monotonic() + within_s
    while reason := _not_ready(told):
        if time.monotonic() > deadline:
            raise Misconfigured(f"cannot start: {reason}")
        time.sleep(0.2)
    if not broker.answers(told, within_s=max(0.0, deadline - time.monotonic())):
        raise Misconfigured(f"cannot start: the broker at {broker.address(told)} does not answer")


def _not_ready(told: Settings) -> str:
    """What the database lacks; empty when it is ready.  One that is starting does not answer yet."""
    try:
        is_current = schema.check(told) == schema.newest()
    except Misconfigured as error:
        if not error.transient:
            raise
        return str(error)
    return "" if is_current else "the database is not up to date; run the release line of the Procfile"


if __name__ == "__main__":
    main()
