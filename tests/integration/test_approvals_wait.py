"""An approval waits without a worker and over a restart of everything, and ends once: answered, or expired."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_celery import CeleryTestBroker, CeleryTestWorker

from models.states import State
from opscore_sdk import Approval, Conflict, InvalidRequest, OpsCoreClient
from settings import PROJECT
from tests.support.processes import LocalProcess
from tests.support.web import LiveWeb
from tests.support.workplace import AgentWanted, Workplace, plan

ONE_PLACE = AgentWanted("scout", "1-5", 1)
# What both databases do alike is asked of PostgreSQL in a long run only; test_approvals.py asks both.
pytestmark = pytest.mark.parametrize(
    "database_kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True, scope="module"
)
RECONCILER = [sys.executable, "-m", "worker.reconciler"]


@dataclass
class Everything:
    """All processes of an installation, started and killed together."""

    workplace: Workplace
    notes: Path
    web: LiveWeb
    broker: CeleryTestBroker | None = None
    worker: CeleryTestWorker | None = None
    reconciler: LocalProcess | None = None

    def start(self) -> None:
        environment = self.workplace.environment
        self.broker = self.workplace.start_broker()
        self.reconciler = LocalProcess("reconciler", RECONCILER, environment, self.workplace.logs / "reconciler.log")
        self.worker = self.workplace.start_worker(ONE_PLACE, OPSCORE_DRILL_LEDGER=str(self.notes))
        self.web.start()

    def kill(self) -> None:
        """Without a word to any of them."""
        assert self.worker is not None
        assert self.broker is not None
        assert self.reconciler is not None
        self.web.stop(signal.SIGKILL)
        for process in (self.worker.container.local, self.reconciler, self.broker.container.local):
            process.kill()
            process.end()
        self.workplace.workers.clear()

    def noted(self) -> list[str]:
        """The keys of what was done outside, in order."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        return [json.loads(line)["key"] for line in lines]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "worker.command_line", *arguments, "--url", self.web.url]
        environment = self.workplace.environment
        return subprocess.run(
            command, env=environment, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
        )


@pytest.fixture
def everything(workplace: Workplace, tmp_path: Path) -> Iterator[Everything]:
    found = Everything(workplace, tmp_path / "notes.jsonl", LiveWeb(workplace.told, tmp_path / "web.log"))
    found.start()
    yield found
    found.kill()


def asks(key: str, **more: Any) -> dict[str, Any]:
    return plan({"tool": "drill.note_once", "name": "mail", "with": {"key": key}, "approval": True}, **more)


def test_it_waits_over_a_restart_of_everything_and_is_answered_once(everything: Everything) -> None:
    workplace = everything.workplace
    edited, rejected = (workplace.submit(asks(key), complexity=2) for key in ("first", "second"))
    expiring = [
        workplace.submit(asks(then, approval_expires="1 s", on_expiry=then), complexity=2)
        for then in ("reject", "fail")
    ]
    for task_id in (edited, rejected):
        workplace.wait_for(task_id, "task.asked", 60)
    other = workplace.submit(plan({"tool": "drill.nothing"}), complexity=2)
    workplace.succeeded(other)  # the one place is free meanwhile
    assert [workplace.failed(task_id).error_code for task_id in expiring] == ["expired", "expired"]

    everything.kill()
    assert [workplace.task(task_id).state for task_id in (edited, rejected)] == [State.WAITING, State.WAITING]
    everything.start()

    with OpsCoreClient(everything.web.url, everything.web.token) as client:
        waiting = {asked.task["id"]: asked.approval for asked in client.inbox.all()}
        assert set(waiting) == {edited, rejected}
        first, second = waiting[edited], waiting[rejected]
        assert isinstance(first, Approval)
        assert isinstance(second, Approval)
        refuse_what_was_not_shown(client, first, second)
        client.inbox.approve(first, {**first.arguments, "key": "as a person wants it"})
        workplace.succeeded(edited)
        with pytest.raises(Conflict, match="approved"):
            client.inbox.reject(first)
    listed = everything.command("inbox")
    assert second.id in listed.stdout, listed.stderr
    said = everything.command("approve", second.id, "--reject", "--reason", "not on a Friday")
    assert (said.returncode, "Rejected" in said.stdout) == (0, True), said.stderr
    assert "not on a Friday" in (workplace.failed(rejected).error_message or "")
    late = everything.command("approve", second.id)
    assert (late.returncode, "already" in late.stderr) == (4, True)
    assert everything.command("inbox").stdout.strip() == "Nothing waits for you."
    assert everything.noted() == ["as a person wants it"]
    assert workplace.steps(edited)["mail"].arguments["key"] == "as a person wants it"


def refuse_what_was_not_shown(client: OpsCoreClient, first: Approval, second: Approval) -> None:
    """The digest of another call, and arguments that the tool cannot use, change nothing."""
    with pytest.raises(Conflict, match="digest"):
        client.inbox.approve(Approval.read({**first.raw, "digest": second.digest}))
    with pytest.raises(InvalidRequest) as wrong:
        client.inbox.approve(first, {**first.arguments, "lines": "many"})
    assert [problem.path for problem in wrong.value.problems] == ["arguments.lines"]
    assert client.inbox.approval(first.id).state == "waiting"
