"""The column types that all tables share, and the database's own clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import uuid6
from sqlalchemy import Boolean, Connection, DateTime, Dialect, Float, String, TypeDecorator, Uuid, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.functions import FunctionElement


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time on both databases; SQLite itself would drop the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("cannot store a time without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class database_now(FunctionElement[datetime]):
    """The database's clock plus `later`: what leases are measured with, so hosts need not agree."""

    type = UtcTime()
    inherit_cache = True

    def __init__(self, later: timedelta = timedelta()) -> None:
        super().__init__(literal(later.total_seconds()))


@compiles(database_now, "sqlite")
def _sqlite_now(element: database_now, compiler: Any, **kw: Any) -> str:
    # Six digits, as SQLAlchemy writes times, so that text compares as time does.
    seconds = compiler.process(element.clauses, **kw)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', {seconds} || ' seconds')"


@compiles(database_now, "postgresql")
def _postgresql_now(element: database_now, compiler: Any, **kw: Any) -> str:
    # Stable within a statement, unlike clock_timestamp(), so that an index may be used.
    return f"(statement_timestamp() + make_interval(secs => {compiler.process(element.clauses, **kw)}))"


class seconds_since(FunctionElement[float]):
    """How long ago a time was by the database's clock, in seconds; below zero for one that is to come."""

    type = Float()
    inherit_cache = True


@compiles(seconds_since, "sqlite")
def _sqlite_since(element: seconds_since, compiler: Any, **kw: Any) -> str:
    return f"((julianday('now') - julianday({compiler.process(element.clauses, **kw)})) * 86400.0)"


@compiles(seconds_since, "postgresql")
def _postgresql_since(element: seconds_since, compiler: Any, **kw: Any) -> str:
    return f"CAST(extract(epoch FROM statement_timestamp() - {compiler.process(element.clauses, **kw)}) AS float)"


class day_of(FunctionElement[str]):
    """The UTC day of a time, as text."""

    type = String()
    inherit_cache = True


@compiles(day_of, "sqlite")
def _sqlite_day(element: day_of, compiler: Any, **kw: Any) -> str:
    return f"substr({compiler.process(element.clauses, **kw)}, 1, 10)"


@compiles(day_of, "postgresql")
def _postgresql_day(element: day_of, compiler: Any, **kw: Any) -> str:
    return f"to_char(timezone('UTC', {compiler.process(element.clauses, **kw)}), 'YYYY-MM-DD')"


def clock(connection: Connection) -> datetime:
    """The time now by the database's clock."""
    return connection.execute(select(database_now())).scalar_one()


class is_one_of(FunctionElement[bool]):
    """Whether the column is among what a subquery finds, which is asked once.

    A plain IN leaves PostgreSQL the choice, and without statistics it asks again for each row.
    """

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        # Not the usual "= 1" of a database without booleans: SQLite then reads the whole table.
        return self


@compiles(is_one_of)
def _plain_in(element: is_one_of, compiler: Any, **kw: Any) -> str:
    column, found = (compiler.process(each, **kw) for each in element.clauses)
    return f"{column} IN {found}"


@compiles(is_one_of, "postgresql")
def _any_of_array(element: is_one_of, compiler: Any, **kw: Any) -> str:
    column, found = (compiler.process(each, **kw) for each in element.clauses)
    return f"{column} = ANY(ARRAY{found})"


def new_id() -> str:
    """A UUIDv7 as text: ids of later rows sort after those of earlier ones."""
    return str(uuid6.uuid7())


def now() -> datetime:
    """This host's UTC time, for what people read; leases use `database_now`."""
    return datetime.now(UTC)


def id_column(*, primary_key: bool = True) -> Mapped[str]:
    """A column of UUIDv7s, new for each row."""
    return mapped_column(Uuid(as_uuid=False), primary_key=primary_key, default=new_id)
