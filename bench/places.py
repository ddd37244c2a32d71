"""Databases for measurements, as many as there are sizes to compare: in temporary folders, gone afterwards."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.servers import postgresql
from settings import Settings

SettingsOf = Callable[[int], Settings]
"""The settings of a place for so many tasks."""


@contextmanager
def on_sqlite() -> Iterator[SettingsOf]:
    """Places on SQLite."""
    with tempfile.TemporaryDirectory(prefix="opscore-bench-") as folder:
        yield lambda count: Settings(data_dir=Path(folder) / str(count))


@contextmanager
def on_postgresql() -> Iterator[SettingsOf]:
    """Places on a PostgreSQL server of this measurement's own."""
    with tempfile.TemporaryDirectory(prefix="opscore-bench-") as folder, postgresql(Path(folder) / "server") as server:

        def settings_of(count: int) -> Settings:
            server.psql(f"CREATE DATABASE tasks_{count}")
            url = server.get_uri().replace("/postgres?", f"/tasks_{count}?")
            return Settings(data_dir=Path(folder) / str(count), database_url=url)

        yield settings_of
