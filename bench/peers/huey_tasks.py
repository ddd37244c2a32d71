"""Huey.  It keeps in SQLite, synced at each commit, the message until it is taken, and the result (None, kept too)."""

import os

from huey import SqliteHuey

from bench.peers.marks import mark

FIRST: list[str] = []
WORKERS = [["huey_consumer", "bench.peers.huey_tasks.app", "--workers", "2", "--worker-type", "process", "--quiet"]]
app = SqliteHuey("bench", filename=f"{os.environ['BENCH_FOLDER']}/huey.db", fsync=True, store_none=True)
tasks = {"mark": app.task(name="mark")(mark), "nothing": app.task(name="nothing")(lambda: None)}


def connect() -> None:
    """It connects by itself."""


def put(name: str) -> None:
    """Submit a task."""
    tasks[name]()
