"""Dramatiq.  It keeps in Redis, with an append-only file, the message until its end; afterwards nothing."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.peers.marks import mark

FIRST: list[str] = []
WORKERS = [["dramatiq", "bench.peers.dramatiq_actors", "--processes", "2", "--threads", "1"]]
broker = RedisBroker(url=os.environ["BENCH_BROKER_URL"])
dramatiq.set_broker(broker)
actors = {
    "mark": dramatiq.actor(mark, actor_name="mark"),
    "nothing": dramatiq.actor(lambda: None, actor_name="nothing"),
}


def is_free() -> bool:
    """A worker that was stopped holds nothing that a submission needs."""
    return True


def connect() -> None:
    """It connects by itself."""


def put(name: str) -> None:
    """Submit a message."""
    actors[name].send()
