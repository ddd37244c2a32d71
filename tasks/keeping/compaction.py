"""Give the room of deleted rows back to the disk.

SQLite: a few free pages after each batch of deletions, where the file was made for it (`auto_vacuum`), and on
command the whole file anew, which also makes an older file one of that kind.  PostgreSQL: its autovacuum makes the
room usable again; on command VACUUM does so at once, and shortens tables whose ends are free.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import inspect, text

from models.database import db
from models.search import is_search_object

PAGES_AT_ONCE = 2000
INCREMENTAL = 2


@dataclass(frozen=True)
class Compacted:
    """Bytes of the database before and after."""

    before: int
    after: int


def give_back_some() -> None:
    """Give back a bounded number of free pages; nothing to do for PostgreSQL, nor for an older SQLite file."""
    if db.engine.dialect.name != "sqlite":
        return
    with _driver() as connection:
        # A script, since `execute` takes one step of it, and each gives back one page.
        connection.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")


def compact() -> Compacted:
    """Give everything back; takes a while on a large database, and on SQLite as much free disk as it has rows."""
    before = size_bytes()
    if db.engine.dialect.name == "sqlite":
        _compact_sqlite()
    else:
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (ANALYZE)"))
    return Compacted(before, size_bytes())


def size_bytes() -> int:
    """The size of the database, free pages included."""
    if db.engine.dialect.name == "sqlite":
        query = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    else:
        query = "SELECT pg_database_size(current_database())"
    with db.engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


def gives_back() -> bool:
    """Whether the database gives room back by itself as rows are deleted."""
    if db.engine.dialect.name != "sqlite":
        return True
    with db.engine.connect() as connection:
        return bool(connection.exec_driver_sql("PRAGMA auto_vacuum").scalar() == INCREMENTAL)


def _compact_sqlite() -> None:
    has_search = any(is_search_object(name) for name in inspect(db.engine).get_table_names())
    with _driver() as connection:
        if has_search:
            connection.execute("INSERT INTO task_search(task_search) VALUES ('optimize')")
        connection.execute(f"PRAGMA auto_vacuum={INCREMENTAL}")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


@contextmanager
def _driver() -> Iterator[Any]:
    """The driver's own connection: neither may run within a transaction."""
    raw = db.engine.raw_connection()
    try:
        yield raw.driver_connection
    finally:
        raw.close()
