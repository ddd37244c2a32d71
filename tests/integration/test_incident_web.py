"""The web process is killed while it takes a task: the repeated request finds what stands, or makes it."""

import signal
import threading
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from pytest_celery import CeleryBrokerCluster

from tests.support.processes import wait_until
from tests.support.web import live_web
from tests.support.workplace import LOOK, Workplace, plan


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(
    ("point", "second", "level"),
    [
        ("submit.between_commit_and_publish", 200, 9),
        pytest.param("submit.before_commit", 201, 8, marks=pytest.mark.long),
    ],
)
def test_request_that_was_cut_off_may_be_repeated_and_the_reconciler_sends_its_wake_up(
    workplace: Workplace,
    celery_broker_cluster: CeleryBrokerCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    point: str,
    second: int,
    level: int,
) -> None:
    gate, client = tmp_path / "gate", celery_broker_cluster[0].container.client
    client.flushall()
    asked: dict[str, Any] = {
        "json": {"playbook": plan(LOOK), "complexity": level, "title": point},
        "headers": {"Authorization": f"Bearer {workplace.told.token}", "Idempotency-Key": uuid.uuid4().hex},
        "timeout": 60,
    }
    with monkeypatch.context() as patch:
        patch.setenv("OPSCORE_DEBUG_TRIGGERS", f"{point}=pause:{gate}")
        with live_web(workplace.told, tmp_path / "web.log") as web:
            request = Request(f"{web.url}/v1/tasks", asked)
            request.start()
            wait_until(lambda: gate.exists() and gate.read_text(), 60, f"the request is at {point}")
            assert web.process is not None
            processes = [psutil.Process(web.process.pid), *psutil.Process(web.process.pid).children(recursive=True)]
            assert int(gate.read_text()) in [each.pid for each in processes]
            web.stop(signal.SIGKILL)
    psutil.wait_procs(processes, 30)
    request.join(60)
    assert isinstance(request.error, requests.ConnectionError)
    stands = client.llen(f"complexity.{level}")
    with live_web(workplace.told, tmp_path / "web.log") as web:
        answers = [requests.post(f"{web.url}/v1/tasks", **asked) for _ in range(2)]
    assert [each.status_code for each in answers] == [second, 200]
    first, again = (each.json()["id"] for each in answers)
    assert first == again
    assert workplace.kinds(first) == ["task.submitted"]
    assert stands == 0
    workplace.reconcile()
    assert client.llen(f"complexity.{level}") == 1


class Request(threading.Thread):
    """A request that nobody answers."""

    def __init__(self, url: str, asked: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self.url, self.asked = url, asked
        self.error: requests.RequestException | None = None

    def run(self) -> None:
        try:
            requests.post(self.url, **self.asked)
        except requests.RequestException as error:
            self.error = error
