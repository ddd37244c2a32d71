"""What is killed, in which order and after which pause: from the seed alone, so that a run can be repeated."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

SHORTEST_S, LONGEST_S = 1.0, 4.0
KILLS_A_MINUTE = 15
"""At least so many fit, with all the waiting for somebody who is just being started again."""


class Target(StrEnum):
    """Who or what is hit."""

    CHILD = "child"
    """The pool process that runs a task; SIGKILL."""
    WORKER = "worker"
    """The process of an agent's worker, and with it all its children; SIGKILL."""
    RECONCILER = "reconciler"
    WEB = "web"
    BROKER = "broker"
    DATABASE = "database"
    """PostgreSQL's server; SIGKILL of its first process.  SQLite has none."""
    CONNECTION = "connection"
    """Half of the connections of the broker or of PostgreSQL, closed from the server's side."""
    SUPERVISOR = "supervisor"
    """bin/up, and with it everything; SIGKILL, then it is started again."""
    STOPPED = "stopped"
    """A child that runs a task: SIGSTOP, SIGCONT when its lease has run out and its task has another run."""


@dataclass(frozen=True)
class Kill:
    """One entry: `pick` (0 to 1) chooses among those that could be hit."""

    pause_s: float
    target: Target
    pick: float


def targets_of(database: str) -> tuple[Target, ...]:
    """Everything that can be hit with this database."""
    return tuple(target for target in Target if database != "sqlite" or target is not Target.DATABASE)


def schedule(seed: int, targets: tuple[Target, ...]) -> Iterator[Kill]:
    """The kills of a seed, without end.

    They come in rounds.  The first hits every target; later ones leave out the supervisor and the stopped child in
    turn: whoever ends everything ends the stopped one too, before its lease has run out.  Children come last, a few
    in a row, so that some of them die alone and their recovery is theirs.
    """
    chance = random.Random(seed)  # noqa: S311  (a repeatable schedule, no secret)
    number = 0
    while True:
        for target in _round(chance, number, targets):
            yield Kill(round(chance.uniform(SHORTEST_S, LONGEST_S), 2), target, chance.random())
        number += 1


def _round(chance: random.Random, number: int, targets: tuple[Target, ...]) -> list[Target]:
    left_out = {Target.CHILD} | (set() if number == 0 else {Target.SUPERVISOR if number % 2 else Target.STOPPED})
    first = [target for target in targets if target not in left_out]
    first += [target for target in (Target.WORKER, Target.CONNECTION) if target in targets]
    chance.shuffle(first)
    if Target.STOPPED in first:
        # It lasts longest, and a short run is not to wait for it alone.
        first.remove(Target.STOPPED)
        first.insert(0, Target.STOPPED)
    children = [Target.CHILD] * 6 if Target.CHILD in targets else []
    return first + children
