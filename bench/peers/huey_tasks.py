"""Huey.  It keeps in SQLite, synced at each commit, the message until it is taken, and the result (None, kept too)."""

import os
import sqlite3

from huey import SqliteHuey

from bench.peers.marks import mark

FIRST: list[str] = []
WORKERS = [["huey_consumer", "bench.peers.huey_tasks.app", "--workers", "2", "--worker-type", "process", "--quiet"]]
app = SqliteHuey("bench", filename=f"{os.environ['BENCH_FOLDER']}/huey.db", fsync=True, store_none=True, timeout=60)
tasks = {"mark": app.task(name="mark")(mark), "nothing": app.task(name="nothing")(lambda: None)}


def is_free() -> bool:
    """Whether no worker that was stopped holds the file's only write lock: with it nobody could submit."""
    with sqlite3.connect(app.storage.filename, timeout=0.2, isolation_level=None) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
    return True


def connect() -> None:
    """It connects by itself."""


def put(name: str) -> None:
    """Submit a task."""
    tasks[name]()
