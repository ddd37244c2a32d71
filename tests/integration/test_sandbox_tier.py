"""Which tier of the sandbox a worker and its children use: the one that it found at its start, or none."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_celery import CeleryBrokerCluster
from sqlalchemy import select

from models import scope
from models.agent import Worker
from models.database import reading
from tests.support.processes import wait_until
from tests.support.workplace import AgentWanted, Workplace, plan, program
from worker.installation import doctor

SMITH = AgentWanted("smith", "1-10")


@pytest.fixture(scope="module")
def database_kind() -> str:
    return "sqlite"


@pytest.fixture
def bubblewrap(workplace: Workplace) -> Iterator[Path]:
    """The program that workers find as bubblewrap: a link, which can be turned to another one."""
    before = dict(workplace.environment)
    found = shutil.which("bwrap")
    assert found, "no bubblewrap on this host"
    # Not below /tmp: root's way into bubblewrap covers that.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        link = Path(folder, "bwrap")
        link.symlink_to(found)
        workplace.environment["PATH"] = f"{folder}:{os.environ['PATH']}"
        yield link
        workplace.end()
    workplace.environment.clear()
    workplace.environment.update(before)


def broken(bubblewrap: Path) -> None:
    """Put a program in its place that does nothing and fails."""
    bubblewrap.unlink()
    bubblewrap.symlink_to("/bin/false")


def tier_of_newest_worker() -> int:
    with scope.acting("person:alice"), reading() as session:
        newest = session.scalars(select(Worker).order_by(Worker.started_at.desc()).limit(1)).one()
        return int(newest.sandbox["tier"])


def test_worker_that_cannot_reach_the_demanded_tier_does_not_start(workplace: Workplace, bubblewrap: Path) -> None:
    broken(bubblewrap)
    workplace.environment["OPSCORE_SANDBOX_TIER"] = "1"
    worker = workplace.start_worker(SMITH)
    wait_until(lambda: worker.container.status == "exited", 60, "the worker has given up")
    assert "OPSCORE_SANDBOX_TIER demands tier 1" in worker.logs()
    assert "cannot set up the sandbox" in worker.logs()


def test_demanded_tier_is_the_one_that_tasks_run_on(
    workplace: Workplace, bubblewrap: Path, celery_broker_cluster: CeleryBrokerCluster
) -> None:
    workplace.environment["OPSCORE_SANDBOX_TIER"] = "3"
    workplace.ready_worker(SMITH)
    task_id = workplace.submit(plan(program("env")))
    workplace.succeeded(task_id)
    seen = workplace.steps(task_id)["terminal_run_1"].stdout or ""
    assert "HOME=" in seen
    assert "HOME=/workspace" not in seen, "that would be bubblewrap's"


def test_worker_whose_tier_stops_working_runs_nothing_on_a_lesser_one(
    workplace: Workplace, bubblewrap: Path, celery_broker_cluster: CeleryBrokerCluster
) -> None:
    workplace.ready_worker(SMITH)
    assert tier_of_newest_worker() == 1
    workplace.succeeded(workplace.submit(plan(program("touch", "made"))))
    broken(bubblewrap)
    task = workplace.failed(workplace.submit(plan(program("touch", "made"))))
    assert "cannot set up the sandbox" in (task.error_message or "")


def test_doctor_names_the_demanded_tier_that_is_not_there(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    told = workplace.told.model_copy(update={"sandbox_tier": 1})
    finding = next(finding for finding in doctor.examine(told) if finding.name == "sandbox")
    assert finding.verdict is doctor.Verdict.PROBLEM
    assert "OPSCORE_SANDBOX_TIER" in finding.what
    assert finding.cure
