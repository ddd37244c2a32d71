"""A data folder on a disk that becomes full while tasks run: what test_incident_disk_full.py runs where that disk is.

Not collected by itself: it needs a small file system, mounted at $SMALL_DISK, which only it and its processes see.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import blake2b
from pathlib import Path

import psutil
import pytest
from pytest_celery import CeleryBrokerCluster, CeleryTestWorker
from sqlalchemy.exc import OperationalError

from models.states import State
from models.task import Task
from tasks.folders import drafts_of_histories
from tests.support.processes import wait_until
from tests.support.workplace import LOOK, AgentWanted, Workplace, plan, write
from worker.chaos.outside import lines_of

MIB = 2**20
FILL = "file = open('output/all', 'wb', 0)\nwhile True: file.write(bytes(4096))"
DISK = Path(os.environ["SMALL_DISK"])


@pytest.fixture(scope="module")
def database_kind() -> str:
    return "sqlite"


@pytest.fixture(scope="module")
def data_dir() -> Path:
    return DISK / "var"


@pytest.fixture(scope="module")
def ready(workplace: Workplace, celery_broker_cluster: CeleryBrokerCluster) -> Workplace:
    workplace.environment["OPSCORE_DRILL_LEDGER"] = str(workplace.logs / "ledger")
    return workplace


@pytest.fixture(scope="module")
def worker(ready: Workplace) -> CeleryTestWorker:
    return ready.ready_worker(AgentWanted("steady", "1-3", 2))


@pytest.fixture
def ballast() -> Iterator[Path]:
    """A file that takes the room that is to be freed later."""
    path = DISK / "ballast"
    yield path
    path.unlink(missing_ok=True)


def fill(path: Path, leave: int) -> None:
    """Write zeros until so many bytes are free."""
    found = os.statvfs(DISK)
    with path.open("ab") as file:
        left = found.f_bavail * found.f_frsize - leave
        while left > 0:
            left -= file.write(bytes(min(left, MIB)))


def shorten_log(workplace: Workplace) -> None:
    """Give back the room of the database's write-ahead log: it would go on there when all else is taken."""

    def is_short() -> bool:
        with closing(sqlite3.connect(workplace.told.data_dir / "opscore.db")) as connection:
            return connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0

    wait_until(is_short, 30, "the log is short")


def python(code: str, **more: object) -> dict[str, object]:
    return {"tool": "python.run", "with": {"code": code}, **more}


def noting(key: str, sleep_s: float = 0) -> dict[str, object]:
    return {"name": key, "tool": "drill.note_once", "with": {"key": key, "sleep_s": sleep_s}}


def noted(workplace: Workplace, task_id: str) -> list[str]:
    lines = lines_of(Path(workplace.environment["OPSCORE_DRILL_LEDGER"]))
    return [each["key"] for each in lines if each["idempotency_key"].startswith(task_id)]


def eventually(workplace: Workplace, task_id: str) -> Task:
    """Do the reconciler's rounds until the task has succeeded."""

    def has_succeeded() -> bool:
        workplace.reconcile()
        return workplace.task(task_id).state == State.SUCCEEDED

    wait_until(has_succeeded, 60, lambda: str(workplace.kinds(task_id)))
    return workplace.task(task_id)


def test_step_whose_snapshot_finds_no_room_is_no_finished_step_and_is_done_again_from_the_one_before(
    workplace: Workplace, worker: CeleryTestWorker, ballast: Path
) -> None:
    code = "open('output/log.txt', 'a').write('once\\n'); open('output/big', 'w').write('x' * 12_000_000)"
    order = plan(
        write("output/first.txt", "first\n", name="first"),
        python(code, name="big"),
        retry={"attempts": 20, "wait": "delayed", "first": "1 s", "errors": ["tool_failed"]},
    )
    fill(ballast, 20 * MIB)
    task_id = workplace.submit(order, complexity=1)
    workplace.wait_for(task_id, "task.retry_planned")
    [planned, *_] = [each.data for each in workplace.events(task_id) if each.kind == "task.retry_planned"]
    assert "no space is left on this host" in planned["message"]
    big = workplace.steps(task_id)["big"]
    assert (big.state, big.error_code) == ("failed", "tool_failed")
    assert list(drafts_of_histories().iterdir()) == []
    ballast.unlink()
    task = eventually(workplace, task_id)
    assert (task.losses, workplace.kinds(task_id).count("step.started first")) == (0, 1)
    assert workplace.files(task_id)["output/log.txt"] == b"once\n"
    assert_whole(workplace.told.data_dir / "history" / task_id)


def assert_whole(history: Path) -> None:
    """Each snapshot that is there has all of its contents, and each content is what its name says."""
    for blob in (history / "blobs").rglob("*/*"):
        assert blake2b(blob.read_bytes(), digest_size=20).hexdigest() == blob.parent.name + blob.name
    kept = {blob.parent.name + blob.name for blob in (history / "blobs").rglob("*/*")}
    for snapshot in (history / "snapshots").iterdir():
        assert set(digests(json.loads(snapshot.read_bytes()))) <= kept


def digests(manifest: object) -> Iterator[str]:
    """What looks like a content's name in a manifest."""
    match manifest:
        case dict():
            for each in manifest.values():
                yield from digests(each)
        case list():
            for each in manifest:
                yield from digests(each)
        case str() if len(manifest) == 40 and not set(manifest) - set("0123456789abcdef"):
            yield manifest


def test_disk_that_a_task_filled_holds_everything_up_and_costs_nothing_once_there_is_room(
    workplace: Workplace, worker: CeleryTestWorker, ballast: Path
) -> None:
    before = {each.pid for each in worker.container.local.note_descendants()}
    fill(ballast, 24 * MIB)
    beside = workplace.submit(plan(noting("slow", 3), noting("next")), complexity=2)
    workplace.wait_for(beside, "step.started slow")
    shorten_log(workplace)
    filler = workplace.submit(plan(python(FILL, name="fill"), retry={"attempts": 1}), complexity=2)
    worker.wait_for_log("disk is full", timeout=30)
    with pytest.raises(OperationalError, match="full"):
        while True:
            workplace.submit(plan(LOOK), complexity=9)
    assert workplace.task(filler).state == State.RUNNING
    ballast.unlink()
    failed = workplace.failed(filler)
    assert failed.error_message is not None and "no space" in failed.error_message.lower()
    done = workplace.succeeded(beside)
    assert (failed.run_number, done.run_number, done.losses, noted(workplace, beside)) == (1, 1, 0, ["slow", "next"])
    after = workplace.submit(plan(noting("after")), complexity=2)
    eventually(workplace, after)
    assert noted(workplace, after) == ["after"]
    assert worker.container.status == "running"
    assert {each.pid for each in worker.container.local.note_descendants()} >= before


@pytest.mark.long
def test_disk_that_stays_full_past_the_lease_costs_runs_and_no_task(ready: Workplace, ballast: Path) -> None:
    brief = ready.ready_worker(AgentWanted("brief", "4"), OPSCORE_RUN_LEASE_S="5")
    slow = {"name": "slow", "tool": "drill.note_idempotent", "with": {"key": "slow", "sleep_s": 8}}
    task_id = ready.submit(plan(noting("first"), slow, noting("last")), complexity=4)
    wait_until(lambda: "slow" in noted(ready, task_id), 60, "the step")
    [child] = psutil.Process(brief.container.local.pid).children()
    shorten_log(ready)
    fill(ballast, 0)
    wait_until(lambda: not child.is_running(), 60, "the process that had the task ends")
    ballast.unlink()
    task = ready.succeeded(task_id)
    assert (task.run_number, brief.container.status) == (2, "running")
    assert noted(ready, task_id) == ["first", "slow", "slow", "last"]
