"""What Celery tells of a worker's pool.  At the end of a worker the pool is gone before the threads that ask."""

from typing import Any


def pids(pool: Any) -> list[int]:
    """Of its processes; none once it has ended."""
    try:
        return list(pool.info["processes"])
    except AttributeError:
        return []


def places(pool: Any) -> dict[str, int]:
    """How many tasks it runs at the same time, as a column of the worker's row; nothing once it has ended."""
    try:
        return {"concurrency": pool.num_processes}
    except AttributeError:
        return {}
