"""A round of the reconciler with 1,000 and with 100,000 queued tasks, and with as many delayed and ended ones beside.

    .venv/bin/python -m bench.reconciler [--quick] [--tasks 100000] [--rounds 40] [--only sqlite|postgresql]

Nothing is due while it measures, as in most rounds: what a round costs then must not grow with the number of tasks.
The workers are rows; a broker of its own holds the wake-ups.  Medians, all places in turn.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import update

from bench.many_tasks import fill
from bench.places import SettingsOf, on_postgresql, on_sqlite
from bench.servers import broker
from models.agent import Agent, Worker
from models.columns import database_now, now
from models.database import db, migrating_app, writing
from models.queue import Queue
from models.scope import acting, wide
from models.states import State
from tasks.queueing.canary import Watch
from tasks.reconcile import full, quick

SMALL = 1000
GOOD_MS, GOOD_RATIO = 100.0, 1.5
WORKERS = 4
LATER = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass
class Place:
    """An installation's database with its tasks, and what its rounds took."""

    name: str
    app: Flask
    watch: Watch

    def round(self, is_full: bool) -> float:
        """Do a round; returns its milliseconds."""
        with self.app.app_context(), wide("system:bench"):
            begun = time.perf_counter()
            done = full(self.watch) if is_full else quick()
            took = (time.perf_counter() - begun) * 1000
            if done.due or done.late or done.requeued:
                raise SystemExit(f"something was due: {done}")
            self._take_canaries()
        return took

    def _take_canaries(self) -> None:
        with writing() as session:
            session.execute(update(Queue).values(canary_taken_at=database_now()))


def main() -> None:
    """Measure, print the table; exits 1 when a round is slow or grows."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--quick", action="store_true", help="a few tasks and rounds only: does it work at all?")
    told = parser.parse_args()
    if told.quick:
        told.tasks, told.rounds = 3000, 3
    worst_ms = worst_ratio = 0.0
    with _at_a_broker():
        for kind, places_on in (("sqlite", on_sqlite), ("postgresql", on_postgresql)):
            if told.only in (None, kind):
                with places_on() as settings_of:
                    slowest, ratio = _compare(kind, _places(settings_of, told.tasks), told.rounds)
                worst_ms = max(worst_ms, slowest if kind == "postgresql" else 0.0)
                worst_ratio = max(worst_ratio, ratio)
    print(f"\nslowest on PostgreSQL: {worst_ms:.1f} ms (should be below {GOOD_MS:.0f})")
    print(f"worst ratio: {worst_ratio:.2f} (should be at most {GOOD_RATIO})")
    sys.exit(not told.quick and (worst_ms >= GOOD_MS or worst_ratio > GOOD_RATIO))


@contextmanager
def _at_a_broker() -> Iterator[None]:
    """Nothing has read the settings yet: what rounds do with the broker and the data folder goes to these."""
    with tempfile.TemporaryDirectory(prefix="opscore-bench-") as folder, broker(Path(folder)) as port:
        os.environ |= {"OPSCORE_BROKER_URL": f"redis://127.0.0.1:{port}/0", "OPSCORE_DATA_DIR": folder}
        yield


def _compare(kind: str, places: list[Place], rounds: int) -> tuple[float, float]:
    """Print a line a place; returns the slowest median and the worst ratio to the first place."""
    medians = [_medians(places, rounds, is_full) for is_full in (False, True)]
    print(f"\n{kind}: median of {rounds} rounds, milliseconds")
    print(f"{'':46}{'quick':>9}{'ratio':>8}{'full':>9}{'ratio':>8}")
    ratios = [[each / of_kind[0] for each in of_kind] for of_kind in medians]
    for index, place in enumerate(places):
        shown = (f"{medians[kind][index]:9.1f}{ratios[kind][index]:8.2f}" for kind in (0, 1))
        print(f"{place.name:46}{''.join(shown)}", flush=True)
    return max(map(max, medians)), max(map(max, ratios))


def _medians(places: list[Place], rounds: int, is_full: bool) -> list[float]:
    times: list[list[float]] = [[] for _ in places]
    for _ in range(rounds + 3):
        # In turn, so that what else the machine does meets all.
        for place, taken in zip(places, times, strict=True):
            taken.append(place.round(is_full))
    return [statistics.median(taken[3:]) for taken in times]


def _places(settings_of: SettingsOf, tasks: int) -> list[Place]:
    return [
        _place(settings_of, f"{SMALL:,} queued", SMALL, _queued),
        _place(settings_of, f"{tasks:,} queued", tasks, _queued),
        _place(settings_of, f"{tasks:,} queued, delayed and ended, each", 3 * tasks, _of_each_kind),
    ]


def _queued(_: int) -> dict[str, Any]:
    return {"state": State.QUEUED, "waits_until": None, "deadline_at": LATER, "finished_at": None}


def _of_each_kind(n: int) -> dict[str, Any]:
    delayed, ended = n % 3 == 1, n % 3 == 2
    later = {"waits_until": LATER} if delayed else {}
    end = {"state": State.SUCCEEDED, "finished_at": datetime(2026, 1, 1, tzinfo=UTC)} if ended else {}
    return _queued(n) | later | end


def _place(settings_of: SettingsOf, name: str, count: int, change: Callable[[int], dict[str, Any]]) -> Place:
    told = settings_of(count)
    told.data_dir.mkdir(parents=True)
    app = migrating_app(told)
    with app.app_context():
        upgrade()
        fill(db.engine, count, change)
        with acting("system:bench"):
            _hire()
    return Place(name, app, Watch())


def _hire() -> None:
    """Workers of another host, which is why nobody looks for their processes; they have beaten far into the future."""
    with writing() as session:
        for number in range(WORKERS):
            agent = Agent(name=f"agent-{number}", complexity_min=1, complexity_max=10)
            session.add(agent)
            session.flush()
            queues = [*(f"complexity.{level}" for level in range(1, 11)), f"agent.{agent.name}"]
            facts = {"nodename": agent.name, "host": "elsewhere", "pid": 1, "process_started_at": 1.0, "version": ""}
            beaten = now() + timedelta(days=1)
            session.add(Worker(agent_id=agent.id, queues=queues, concurrency=2, last_seen_at=beaten, **facts))


if __name__ == "__main__":
    os.environ.setdefault("OPSCORE_LOG_LEVEL", "error")
    main()
