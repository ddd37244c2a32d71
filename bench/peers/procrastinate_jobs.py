"""Procrastinate.  It keeps in PostgreSQL a row a job with its state, and an event for each change of it."""

import os

import procrastinate

from bench.peers.marks import mark

FIRST = ["procrastinate", "--app", "bench.peers.procrastinate_jobs.app", "schema", "--apply"]
WORKERS = [["procrastinate", "--app", "bench.peers.procrastinate_jobs.app", "worker", "--concurrency", "1"]] * 2
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=os.environ["BENCH_DATABASE_URL"]))
jobs = {"mark": app.task(name="mark")(mark), "nothing": app.task(name="nothing")(lambda: None)}


def is_free() -> bool:
    """A worker that was stopped holds nothing that a submission needs."""
    return True


def connect() -> None:
    """Open the connections that `put` uses."""
    app.open()


def put(name: str) -> None:
    """Submit a job."""
    jobs[name].defer()
