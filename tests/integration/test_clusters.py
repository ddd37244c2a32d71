"""pytest-celery's own way through the local processes: a setup of two workers, a broker and no backend."""

import pytest
from pytest_celery import CeleryTestSetup


@pytest.fixture(scope="module")
def database_kind() -> str:
    return "sqlite"


def test_setup_of_two_workers_answers_pings(celery_setup: CeleryTestSetup) -> None:
    assert len(celery_setup.worker_cluster) == 2
    assert celery_setup.ready(ping=False, control=True, docker=True)


def test_killed_worker_starts_again_with_a_log_of_its_own(celery_setup: CeleryTestSetup) -> None:
    worker = celery_setup.worker
    worker.kill()
    assert worker.container.local.process.wait(5) == -9
    worker.restart()
    worker.wait_for_log(" ready.")
    assert worker.logs().count(" ready.") == 1
