"""Fill a database with tasks, a million in a minute or two: in bulk, with the search index made at the end.

The n-th task is the same whatever the size: its columns come from n alone, mixed so that they do not go
together.  Everything is there in fixed shares; three tasks alone, spread evenly, have the word `zeppelin`.
"""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, insert, text

from models.states import State
from models.task import Task

BATCH = 20_000
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MASK = 2**64 - 1
PLACES = ("north", "south", "east", "west", "coast", "valley", "island", "plain")
STATES = ((700, State.SUCCEEDED), (900, State.FAILED), (990, State.QUEUED), (1000, State.CANCELLED))
AGENTS = ((450, "scout"), (900, "builder"), (1000, "night"))


def fill(engine: Engine, count: int, change: Callable[[int], dict[str, Any]] = lambda _: {}) -> None:
    """Add `count` tasks to the migrated, empty database; `change` says what is other in the n-th."""
    with engine.connect().execution_options(opscore_writing=True) as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        triggers = _without_triggers(connection) if is_sqlite else []
        if not is_sqlite:
            connection.execute(text("ALTER TABLE task DISABLE TRIGGER task_search_keep"))
        for first in range(0, count, BATCH):
            end = min(first + BATCH, count)
            rows = [row | change(n) for n, row in enumerate(_rows(first, end, count), first)]
            connection.execute(insert(Task.__table__), rows)  # type: ignore[arg-type]
        _index(connection, triggers)
        connection.commit()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE" if is_sqlite else "VACUUM ANALYZE")


def _without_triggers(connection: Connection) -> list[str]:
    found = connection.execute(
        text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'task'")
    ).all()
    for name, _ in found:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    return [sql for _, sql in found]


def _index(connection: Connection, triggers: list[str]) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("INSERT INTO task_search(task_search) VALUES ('rebuild')")
        for sql in triggers:
            connection.exec_driver_sql(sql)
        return
    definition = connection.scalar(text("SELECT pg_get_indexdef('task_search_words'::regclass)"))
    connection.execute(text("DROP INDEX task_search_words"))
    connection.exec_driver_sql(
        "INSERT INTO task_search SELECT number, task_search_words(number, title || ' ' || description) FROM task"
    )
    connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '512MB'")
    connection.exec_driver_sql(str(definition))
    connection.execute(text("ALTER TABLE task ENABLE TRIGGER task_search_keep"))


def _rows(first: int, end: int, count: int) -> Iterator[dict[str, Any]]:
    # Counted from the newest, so that a page of 50 shows the same rows at any size.
    return (_row(count - 1 - n, n, count) for n in range(first, end))


def _row(back: int, n: int, count: int) -> dict[str, Any]:
    state, agent, level, word = (_mix(back * 4 + part) for part in range(4))
    submitted = BEGIN + timedelta(seconds=n)
    return {
        "id": str(uuid.UUID(int=int(submitted.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | n)),
        "title": f"Report {n} on the {PLACES[word % 8]}{_word(back, word, count)}",
        "description": f"Figures of day {n % 365} for the {PLACES[word // 8 % 8]} office, checked twice.",
        "complexity": 1 + level % 10,
        "state": _share(state % 1000, STATES),
        "agent": _share(agent % 1000, AGENTS),
        "plan_id": "none",
        "inputs": {},
        "queue": f"complexity.{1 + level % 10}",
        "rank_at": submitted,
        "submitted_at": submitted,
        "published_at": submitted,
        "tenant": "default",
        "author": "system:bench",
    }


def _word(back: int, word: int, count: int) -> str:
    if back % (count // 3) == count // 6:
        return " zeppelin"
    share = word // 64 % 1000
    return " quarterly" if share < 100 else " harbour" if share < 110 else ""


def _share(value: int, shares: tuple[tuple[int, Any], ...]) -> Any:
    return next(name for end, name in shares if value < end)


def _mix(value: int) -> int:
    """A number that looks random and is always the same (the finisher of SplitMix64)."""
    value = (value + 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & MASK
    return value ^ value >> 31
