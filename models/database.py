"""The database handle, the bare Flask app that workers use, and transactions that write.

Reads go through `db.session` in a request and `reading()` elsewhere.  Writes go through
`writing()`: on SQLite it takes the write lock at once (a reader that turns writer fails with
SQLITE_BUSY, no time-out helps), and what must follow a commit is sent from a list after it.
"""

import importlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, Executable, MetaData, event, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import Pool

from settings import PROJECT, Settings

AFTER_COMMIT = "opscore_after_commit"
TOGETHER = "opscore_together"
CONNECT_WITHIN_S = 5
RESTED_S = 1.0
USED_AT = "opscore_used_at"


class Base(DeclarativeBase):
    """The tables' base; fixed constraint names keep migrations the same on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base, disable_autonaming=True)


def bare_app(settings: Settings) -> Flask:
    """A Flask app without pages: the database context of workers and commands."""
    app = Flask("opscore")
    connect(app, settings)
    return app


def migrating_app(settings: Settings) -> Flask:
    """A bare app that knows its migrations too."""
    from flask_migrate import Migrate  # half a second of imports that no worker needs

    app = bare_app(settings)
    Migrate(app, db, directory=str(PROJECT / "migrations"), render_as_batch=True)
    return app


def connect(app: Flask, settings: Settings) -> None:
    """Give the app its database."""
    importlib.import_module("models.tables")  # not above: the tables import this module
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = _engine_options(settings)
    db.init_app(app)


def _engine_options(settings: Settings) -> dict[str, Any]:
    # A thread that reads for a page and then writes has two connections: fewer, and all wait for each other.
    options: dict[str, Any] = {"max_overflow": 2 * settings.web_threads}
    if not settings.database.startswith("sqlite"):
        # A server that does not answer must cost a request seconds, not the two minutes of TCP.
        options |= {"connect_args": {"connect_timeout": CONNECT_WITHIN_S}}
    return options


@contextmanager
def reading() -> Iterator[Session]:
    """A session for one look that sees what is committed now; `db.session` keeps its first look's snapshot."""
    with Session(db.engine, expire_on_commit=False) as session:
        yield session


@contextmanager
def writing() -> Iterator[Session]:
    """A session whose changes are committed at the end, or rolled back on an error.

    What `after_commit` was told runs once the commit stands, in order.
    """
    with Session(db.engine, expire_on_commit=False) as session:
        session.connection(execution_options={"opscore_writing": True})
        yield session
        send_together(session, ends=True)
        session.commit()
        callbacks: list[Callable[[], None]] = session.info.pop(AFTER_COMMIT, [])
    # SQLAlchemy's own after_commit event fires at savepoints too and outlives a rollback: hence a list.
    for callback in callbacks:
        callback()


def after_commit(session: Session, callback: Callable[[], None]) -> None:
    """Run the callback once this session's transaction is committed; never after a rollback."""
    session.info.setdefault(AFTER_COMMIT, []).append(callback)


def together(session: Session, statement: Executable, rows: list[dict[str, Any]]) -> None:
    """Run the statement, which gives nothing back, with others of its kind, in order, and before the commit."""
    session.info.setdefault(TOGETHER, []).append((statement, rows))


def send_together(session: Session, *, ends: bool = False) -> None:
    """Run what waits now: PostgreSQL gets all of it at once, and answers once; with the commit where it `ends`."""
    waiting = session.info.pop(TOGETHER, [])
    if not waiting:
        return
    is_all = not (session.new or session.dirty or session.deleted)
    connection = session.connection()
    with _pipeline(connection):
        for statement, rows in waiting:
            connection.execute(statement, rows)
        if ends and is_all and connection.dialect.name == "postgresql":
            # The session's own commit, which follows, finds nothing left to do.
            driver: Any = connection.connection.driver_connection
            driver.commit()


@contextmanager
def _pipeline(connection: Connection) -> Iterator[None]:
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "postgresql":
        yield
        return
    try:
        with driver.pipeline():
            yield
    except driver.Error as error:
        # Past SQLAlchemy, which would have done the same.
        if driver.closed or driver.broken:
            connection.invalidate(error)
        raise DBAPIError.instance("", None, error, driver.Error, dialect=connection.dialect) from error


def insert_unless_there(session: Session, table: type[Base], **values: Any) -> bool:
    """Write a row; False when another with its key was there first, which is no error and breaks no transaction."""
    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[session.get_bind().dialect.name](table)
    written = insert.values(**values).on_conflict_do_nothing().returning(*inspect(table).primary_key)
    return session.execute(written).first() is not None


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # the driver must not begin transactions of its own; `_begin` does
    # The wait first: the others have to wait for their turn too.  Then, before anything is written to a new file, that
    # freed pages can be given back (tasks/keeping/compaction.py).
    for pragma in (
        "busy_timeout=15000",
        "auto_vacuum=INCREMENTAL",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Pool, "checkin")
def _note_use(_connection: Any, record: Any) -> None:
    record.info[USED_AT] = time.monotonic()


@event.listens_for(Pool, "checkout")
def _ask_whether_it_lives(connection: Any, record: Any, _proxy: Any) -> None:
    """A server may have gone meanwhile: a connection that has rested is asked, one that was just used is not.

    Asking each time (`pool_pre_ping`) costs a short task two of its ten round trips.
    """
    used_at = record.info.get(USED_AT)
    if used_at is None or time.monotonic() - used_at < RESTED_S or isinstance(connection, sqlite3.Connection):
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except connection.__class__.OperationalError as error:
        raise InvalidatePoolError("the server has gone") from error


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        is_writing = connection.get_execution_options().get("opscore_writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")
