"""Bring the database to the code's revision, with a backup first; refuse one that is newer.

The revisions are in migrations/versions.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import flask_migrate
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from models.database import db, migrating_app
from models.errors import Misconfigured
from settings import PROJECT, Settings

MIGRATIONS = PROJECT / "migrations"


@dataclass(frozen=True)
class Brought:
    """What was done: revisions before and after, and the backup if one was made."""

    before: str | None
    after: str | None
    backup: Path | None = None


def current(told: Settings) -> str | None:
    """The database's revision; None where it is empty or not there.

    Raises:
        Misconfigured: it cannot be read.
    """
    file = sqlite_file(told)
    if file is not None and not file.exists():
        return None
    engine = create_engine(told.database, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except DatabaseError as error:
        raise Misconfigured(f"cannot read the database: {error.orig}", transient=True, database=_shown(told)) from error
    finally:
        engine.dispose()


def newest() -> str | None:
    """The revision that this code wants."""
    return _scripts().get_current_head()


def check(told: Settings) -> str | None:
    """The database's revision, which this code knows.

    Raises:
        Misconfigured: it was made by a newer OpsCore, or cannot be read.
    """
    revision = current(told)
    known = {script.revision for script in _scripts().walk_revisions()}
    if revision is not None and revision not in known:
        raise Misconfigured(
            f"cannot use this database: a newer OpsCore made it (its revision {revision}, ours {newest()}); "
            f"update the code, or give another folder with --data",
            database=_shown(told),
        )
    return revision


def bring_up_to_date(told: Settings) -> Brought:
    """Run the migrations that are missing; a SQLite file is copied to `<data>/backups/` before.

    Raises:
        Misconfigured: a newer OpsCore made the database, or it cannot be read.
    """
    before = check(told)
    if before == newest():
        return Brought(before, before)
    backup = back_up(told, before) if before is not None else None
    with migrating_app(told).app_context():
        flask_migrate.upgrade()
        db.engine.dispose()
    return Brought(before, newest(), backup)


def back_up(told: Settings, revision: str) -> Path | None:
    """Copy a SQLite database to `<data>/backups/`; None for a server, which has its own ways."""
    file = sqlite_file(told)
    if file is None:
        return None
    folder = told.data_dir / "backups"
    folder.mkdir(exist_ok=True)
    backup = folder / f"{file.stem}-{revision}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db"
    # SQLite's own copy: a copy of the file alone would miss what is still in the write-ahead log.
    source, target = sqlite3.connect(file), sqlite3.connect(backup)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
    return backup


def sqlite_file(told: Settings) -> Path | None:
    """The file of a SQLite database; None for a server."""
    url = make_url(told.database)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def gives_room_back(told: Settings) -> bool:
    """Whether the database gives the room of deleted rows back by itself; a server does in its own ways."""
    file = sqlite_file(told)
    if file is None:
        return True
    with closing(sqlite3.connect(file)) as connection:
        return bool(connection.execute("PRAGMA auto_vacuum").fetchone()[0])


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))


def _shown(told: Settings) -> str:
    return make_url(told.database).render_as_string(hide_password=True)
