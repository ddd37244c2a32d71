"""The web application in this process, or a workplace with a broker and workers of its own for a module's tests.

pytest-celery's three clusters are overridden with local processes (tests/support/processes.py);
there is no result backend.  A module says with fixtures of its own what it wants: `database_kind`
(both kinds unless it names one), `agents` (scout 1-5 and builder 4-10 unless it names others), `step_wall_s`,
`database_url` where it has a PostgreSQL server of its own, and `data_dir` where that is to be a certain folder.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from pytest_celery import CeleryBrokerCluster, CeleryWorkerCluster

import settings
from models import scope
from models.database import bare_app, db
from tasks import live
from tasks.broker import celery_app
from tests.support.postgresql import copy, named
from tests.support.web import Api
from tests.support.workplace import BUILDER, SCOUT, AgentWanted, Workplace, wait_ready
from webapp import create_app


@pytest.fixture
def web(database: settings.Settings) -> Iterator[Flask]:
    """The web application on the database; within, alice acts."""
    app = create_app(database)
    with app.app_context():
        with scope.acting("person:alice"):
            yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def api(web: Flask, database: settings.Settings) -> Api:
    """The API of `web`, which a module may replace by its own."""
    return Api(web.test_client(), database.token)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Which database the module's workplace has."""
    return str(request.param)


@pytest.fixture(scope="module")
def agents() -> list[AgentWanted]:
    """Whose workers the module's tests share."""
    return [SCOUT, BUILDER]


@pytest.fixture(scope="module")
def input_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one folder of this host that tasks may name as their input."""
    return tmp_path_factory.mktemp("inputs").resolve()


@pytest.fixture(scope="module")
def step_wall_s() -> int:
    """How long a step may take, in seconds."""
    return 15


@pytest.fixture(scope="module")
def database_url(request: pytest.FixtureRequest, database_kind: str) -> str | None:
    """Where the module's PostgreSQL database is."""
    return _copied(request) if database_kind == "postgresql" else None


@pytest.fixture(scope="module")
def data_dir(database_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the module's workplace, which is made there."""
    return tmp_path_factory.mktemp(f"data-{database_kind}") / "var"


@pytest.fixture(scope="module")
def workplace(
    request: pytest.FixtureRequest,
    database_url: str | None,
    step_wall_s: int,
    input_root: Path,
    data_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Workplace]:
    """A workplace on a migrated database, without a process yet; this process belongs to it meanwhile."""
    folder, data = tmp_path_factory.mktemp("workplace"), data_dir
    data.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("OPSCORE_")]:
            if name != "OPSCORE_TOOL_ENV":
                patch.delenv(name)
        patch.setenv("OPSCORE_DATA_DIR", str(data))
        patch.setenv("OPSCORE_INPUT_ROOTS", f'["{input_root}"]')
        patch.setenv("OPSCORE_STEP_WALL_S", str(step_wall_s))
        if database_url is None:
            shutil.copyfile(request.getfixturevalue("migrated_sqlite"), data / "opscore.db")
        else:
            patch.setenv("OPSCORE_DATABASE_URL", database_url)
        _forget()
        told = settings.load()
        celery_app().conf.broker_url = told.broker
        app = bare_app(told)
        with app.app_context():
            found = Workplace(told, dict(os.environ), app, folder)
            yield found
            found.end()
            db.session.remove()
            db.engine.dispose()
    _forget()


@pytest.fixture
def alone(workplace: Workplace) -> Iterator[Flask]:
    """The workplace's database as a new tenant sees it, who has nothing yet; within, alice acts."""
    with scope.acting("person:alice", f"tenant-{uuid.uuid4().hex[:12]}"):
        yield workplace.app


@pytest.fixture(scope="module")
def celery_broker_cluster(workplace: Workplace) -> Iterator[CeleryBrokerCluster]:
    """The workplace's embedded broker."""
    broker = workplace.start_broker()
    yield CeleryBrokerCluster(broker)
    workplace.end()  # workers first: one that lost its broker waits for it
    broker.teardown()


@pytest.fixture(scope="module")
def celery_backend_cluster() -> None:
    """There is no result backend."""


@pytest.fixture(scope="module")
def celery_worker_cluster(
    workplace: Workplace, celery_broker_cluster: CeleryBrokerCluster, agents: list[AgentWanted]
) -> CeleryWorkerCluster:
    """The module's workers, started side by side, ready."""
    workers = [workplace.start_worker(wanted) for wanted in agents]
    for worker in workers:
        wait_ready(worker)
    return CeleryWorkerCluster(*workers)


def _copied(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh copy of the migrated PostgreSQL database, which goes with its server."""
    server, template = request.getfixturevalue("postgresql"), request.getfixturevalue("migrated_postgresql")
    return named(server, copy(server, template))


def _forget() -> None:
    """Drop what this process remembers of another workplace."""
    for remembered in (settings.load, celery_app, live.channel):
        remembered.cache_clear()
