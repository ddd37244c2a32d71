"""`chaos`: an installation of its own, many tasks, and kills at random; nothing may be lost."""

import random
import signal
from typing import Any

import click

from worker.command_line.frame import FAILED, INTERRUPTED, Local, console, frame

TARGETS = (
    "child", "worker", "reconciler", "web", "broker", "database", "connection", "supervisor", "stopped",
)  # fmt: skip


@click.command(cls=Local, short_help="Kill at random, and show that no task is lost.")
@click.option("--tasks", default=1000, show_default=True, type=click.IntRange(1, 100_000), help="How many to submit.")
@click.option("--minutes", default=5.0, show_default=True, type=click.FloatRange(0.1, 600), help="How long to kill.")
@click.option(
    "--database", default="sqlite", show_default=True, type=click.Choice(["sqlite", "postgresql"]), help="On which."
)
@click.option("--seed", type=click.IntRange(0), help="Repeats the schedule of kills (default: a new one).")
@click.option(
    "--only", "chosen", multiple=True, metavar="TARGET", type=click.Choice(TARGETS), help="Hit only this; repeatable."
)
@click.option("--keep", is_flag=True, help="Keep data and logs although all went well.")
def chaos(chosen: tuple[str, ...], seed: int | None, **options: Any) -> None:
    """Kill at random for some minutes, and show that no task is lost or done twice.

    Starts an installation of its own in a temporary folder, hands tasks in, and kills processes, connections, the
    broker, the database and bin/up itself, every one to four seconds. Exit code 1 when anything was violated;
    logs and data are kept then. Ctrl-C cleans up.

    \b
    TARGET is one of child, worker, reconciler, web, broker, database,
    connection, supervisor, stopped (docs/how-to/chaos.md).
    """
    from worker.chaos import schedule, shown
    from worker.chaos.run import Wanted, run

    targets = schedule.targets_of(options["database"])
    if chosen:
        targets = tuple(target for target in targets if target.value in chosen)
    if seed is None:
        seed = random.SystemRandom().randrange(10**6)
    told = frame()
    # Ended from outside it cleans up too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        found = run(Wanted(seed=seed, targets=targets, **options), console(stderr=told.is_json))
    except KeyboardInterrupt as interrupted:
        raise click.exceptions.Exit(INTERRUPTED) from interrupted
    told.show(found.as_dict(), lambda: shown.table(found))
    if not told.is_json:
        console().print(shown.verdict(found))
    if found.violations:
        raise click.exceptions.Exit(FAILED)
