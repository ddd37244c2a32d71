"""The list page with 1,000 and with 1,000,000 tasks: plain, with each filter, combined, and with a search.

    .venv/bin/python -m bench.list_page [--tasks 1000000] [--rounds 40] [--only sqlite|postgresql]

Each line asks GET /v1/tasks of both sizes in turn and shows the medians and their ratio; the second pair of
columns is the query alone.  Both sizes hold the same share of everything: what differs is the number of tasks.
Making the data takes most of the time.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask
from flask_migrate import upgrade

from bench.many_tasks import fill
from bench.places import on_postgresql, on_sqlite
from models.database import db, migrating_app
from models.scope import acting
from models.task_list import Filters, page
from settings import Settings
from webapp import create_app

SMALL = 1000
GOOD = 1.5
QUERIES = {
    "plain": Filters(),
    "state": Filters(state="succeeded"),
    "state, few": Filters(state="failed"),
    "agent": Filters(agent="scout"),
    "complexity": Filters(complexity=4),
    "state, agent": Filters(state="succeeded", agent="builder"),
    "state, complexity": Filters(state="succeeded", complexity=4),
    "agent, complexity": Filters(agent="builder", complexity=4),
    "state, agent, complexity": Filters(state="failed", agent="builder", complexity=4),
    "search, every task": Filters(q="report"),
    "search, first letter": Filters(q="r"),
    "search, 10 %": Filters(q="quarterly"),
    "search, 1 %": Filters(q="harbour"),
    "search, 3 tasks": Filters(q="zeppelin"),
    "search, none": Filters(q="unicorn"),
    "search, two words": Filters(q="quart rep"),
    "search every, state few": Filters(q="report", state="failed"),
    "search 10 %, agent": Filters(q="quarterly", agent="scout"),
    "search 1 %, state, agent": Filters(q="harbour", state="succeeded", agent="builder"),
    "search 3 tasks, complexity": Filters(q="zeppelin", complexity=4),
}


@dataclass
class Place:
    """One installation's application with its tasks."""

    app: Flask
    headers: dict[str, str]
    count: int

    def ask(self, filters: Filters, limit: int) -> Callable[[], int]:
        """A call that asks the API and returns how many rows came."""
        query = {name: value for name, value in vars(filters).items() if value} | {"limit": limit}
        client = self.app.test_client()

        def call() -> int:
            answer = client.get("/v1/tasks", query_string=query, headers=self.headers)
            assert answer.status_code == 200, answer.text
            return len(answer.json["tasks"])

        return call

    def look(self, filters: Filters, limit: int) -> Callable[[], int]:
        """A call that runs the query alone."""

        def call() -> int:
            with self.app.app_context(), acting("system:bench"):
                return len(page(db.session, filters, None, limit).tasks)  # type: ignore[arg-type]

        return call


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tasks", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=40)
    options.add_argument("--only", choices=["sqlite", "postgresql"])
    told = options.parse_args()
    worst = 0.0
    for kind, servers in (("sqlite", on_sqlite), ("postgresql", on_postgresql)):
        if told.only in (None, kind):
            with servers() as settings_of:
                places = [_place(settings_of(count), count) for count in (SMALL, told.tasks)]
                worst = max(worst, _compare(kind, places, told.rounds))
    print(f"\nworst ratio of a page: {worst:.2f} (should be at most {GOOD})")
    sys.exit(worst > GOOD)


def _compare(kind: str, places: list[Place], rounds: int) -> float:
    small, large = places
    print(f"\n{kind}: {small.count:,} and {large.count:,} tasks, median of {rounds}, milliseconds")
    print(f"{'':28}{'rows':>10}{'page':>9}{'':>9}{'ratio':>7}{'query':>9}{'':>9}{'ratio':>7}")
    worst = 0.0
    for name, filters in QUERIES.items():
        # As many rows of both: what the small one lacks would count as time of the large one.
        limit = small.ask(filters, 50)() or 50
        rows = [place.ask(filters, limit)() for place in places]
        of_page = _medians([place.ask(filters, limit) for place in places], rounds)
        of_query = _medians([place.look(filters, limit) for place in places], rounds)
        ratios = [times[1] / times[0] for times in (of_page, of_query)]
        print(
            f"{name:28}{f'{rows[0]}, {rows[1]}':>10}{of_page[0]:9.2f}{of_page[1]:9.2f}{ratios[0]:7.2f}"
            f"{of_query[0]:9.2f}{of_query[1]:9.2f}{ratios[1]:7.2f}",
            flush=True,
        )
        worst = max(worst, ratios[0])
    return worst


def _medians(calls: list[Callable[[], int]], rounds: int) -> list[float]:
    """Of each call, in milliseconds; in turn, so that what else the machine does meets all."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds + 3):
        for call, taken in zip(calls, times, strict=True):
            begun = time.perf_counter()
            call()
            taken.append((time.perf_counter() - begun) * 1000)
    return [statistics.median(taken[3:]) for taken in times]


def _place(settings: Settings, count: int) -> Place:
    app = create_app(settings)
    begun = time.monotonic()
    with migrating_app(settings).app_context():
        upgrade()
        fill(db.engine, count)
    print(f"{count:,} tasks made in {time.monotonic() - begun:.0f} s", flush=True)
    return Place(app, {"Authorization": f"Bearer {settings.token}"}, count)


if __name__ == "__main__":
    os.environ.setdefault("OPSCORE_LOG_LEVEL", "error")
    main()
