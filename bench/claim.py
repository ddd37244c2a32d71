"""A claim beside 1,000 and 100,000 queued tasks, and as many delayed and ended ones, over 1, 4 and 10 queues.

    .venv/bin/python -m bench.claim [--quick] [--tasks 100000] [--rounds 40] [--only sqlite|postgresql]

What a claim costs must not grow with the number of tasks that wait.  Its tasks are claimed for good, one a round:
first until the row is this worker's, then with the commit, which waits for the disk.  Medians, all places in turn.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from flask_migrate import upgrade

from bench.many_tasks import fill
from bench.places import SettingsOf, on_postgresql, on_sqlite
from models.claim import Claimant, claim
from models.database import db, migrating_app, writing
from models.scope import wide
from models.states import State

SMALL = 1000
QUEUES = (1, 4, 10)
GOOD_MS, GOOD_RATIO = 10.0, 1.5
LATER = datetime(2100, 1, 1, tzinfo=UTC)
CLAIMANT = Claimant("bench", None, "bench", 1, 1.0)


@dataclass
class Place:
    """A database with its tasks, and the queues that are claimed from."""

    name: str
    app: Flask
    queues: list[str]

    def claim(self) -> tuple[float, float]:
        """Claim a task; returns the milliseconds until it was taken, and until that stood."""
        with self.app.app_context(), wide("agent:bench"):
            begun = time.perf_counter()
            with writing() as session:
                if claim(session, self.queues, CLAIMANT) is None:
                    raise SystemExit(f"nothing was left to claim: {self.name}")
                taken = time.perf_counter()
            return (taken - begun) * 1000, (time.perf_counter() - begun) * 1000


def main() -> None:
    """Measure, print the tables; exits 1 when a claim is slow or grows."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--quick", action="store_true", help="a few tasks and rounds only: does it work at all?")
    told = parser.parse_args()
    if told.quick:
        told.tasks, told.rounds = 3000, 3
    worst_ms = worst_ratio = 0.0
    for kind, places_on in (("sqlite", on_sqlite), ("postgresql", on_postgresql)):
        if told.only in (None, kind):
            print(f"\n{kind}: median of {told.rounds} claims, milliseconds")
            print(f"{'':56}{'taken':>9}{'ratio':>8}{'committed':>11}{'ratio':>8}")
            with places_on() as settings_of:
                for queues in QUEUES:
                    slowest, ratio = _compare(_places(settings_of, told.tasks, queues), told.rounds)
                    worst_ms, worst_ratio = max(worst_ms, slowest), max(worst_ratio, ratio)
    print(f"\nslowest: {worst_ms:.1f} ms (should be below {GOOD_MS:.0f})")
    print(f"worst ratio: {worst_ratio:.2f} (should be at most {GOOD_RATIO})")
    if not told.quick and (worst_ms >= GOOD_MS or worst_ratio > GOOD_RATIO):
        sys.exit(1)


def _compare(places: list[Place], rounds: int) -> tuple[float, float]:
    """Print a line a place; returns the slowest median until a task was taken, and its worst ratio to the first."""
    medians = _medians(places, rounds)
    ratios = [[each / first for each, first in zip(of_place, medians[0], strict=True)] for of_place in medians]
    for place, took, ratio in zip(places, medians, ratios, strict=True):
        shown = f"{took[0]:9.2f}{ratio[0]:8.2f}{took[1]:11.2f}{ratio[1]:8.2f}"
        print(f"{place.name:56}{shown}", flush=True)
    return max(taken for taken, _ in medians), max(taken for taken, _ in ratios)


def _medians(places: list[Place], rounds: int) -> list[list[float]]:
    times: list[list[tuple[float, float]]] = [[] for _ in places]
    for _ in range(rounds + 6):  # the first ones connect, and have their statements prepared
        # In turn, so that what else the machine does meets all.
        for place, taken in zip(places, times, strict=True):
            taken.append(place.claim())
    return [[statistics.median(column) for column in zip(*taken[6:], strict=True)] for taken in times]


def _places(settings_of: SettingsOf, tasks: int, queues: int) -> list[Place]:
    over = f"over {queues} queue{'s' if queues > 1 else ''}"
    return [
        _place(settings_of, f"{SMALL:,} queued {over}", SMALL, queues, 1),
        _place(settings_of, f"{tasks:,} queued {over}", tasks, queues, 1),
        _place(settings_of, f"{tasks:,} queued, delayed and ended, each, {over}", 3 * tasks, queues, 3),
    ]


def _place(settings_of: SettingsOf, name: str, count: int, queues: int, kinds: int) -> Place:
    told = settings_of(queues * 10**9 + count)  # a name of its own
    told.data_dir.mkdir(parents=True)
    app = migrating_app(told)
    with app.app_context():
        upgrade()
        fill(db.engine, count, _row_of(queues, kinds))
    return Place(name, app, [*(f"complexity.{level}" for level in range(1, queues + 1)), "agent.bench"])


def _row_of(queues: int, kinds: int) -> Callable[[int], dict[str, Any]]:
    """The n-th task: one of so many kinds, the first queued, the second delayed, the third ended."""

    def row(n: int) -> dict[str, Any]:
        kind = n % kinds
        told = {"state": State.QUEUED, "queue": f"complexity.{1 + n // kinds % queues}", "agent": None}
        later = {"waits_until": LATER if kind == 1 else None, "finished_at": None}
        end = {"state": State.SUCCEEDED, "finished_at": datetime(2026, 1, 1, tzinfo=UTC)} if kind == 2 else {}
        return {**told, **later, **end}

    return row


if __name__ == "__main__":
    os.environ.setdefault("OPSCORE_LOG_LEVEL", "error")
    main()
