"""Marks between the tasks of a peer: when they ran, told through Redis."""

import os
import time

import redis

MARKS = "bench.marks"


def mark() -> None:
    """Say when this ran."""
    redis.Redis.from_url(os.environ["BENCH_BROKER_URL"]).rpush(MARKS, time.time())
