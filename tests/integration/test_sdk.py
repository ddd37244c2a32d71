"""The Python client against a running web application."""

import io
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import scope
from models.database import bare_app, db, writing
from models.states import State
from models.task import Task
from models.workspace import Workspace as WorkspaceRow
from opscore_sdk import Conflict, InvalidRequest, NotFound, OpsCoreClient, Unauthorized, Unreachable
from settings import PROJECT, Settings
from tasks.folders import workspaces_root
from tests.support.factories import make_task
from tests.support.web import PLAYBOOK, Address, live_web, web_here
from tools.workspace import Workspace


@pytest.fixture
def web(sqlite: Settings) -> Iterator[Address]:
    with web_here(sqlite) as running:
        yield running


@pytest.fixture
def client(web: Address) -> Iterator[OpsCoreClient]:
    with OpsCoreClient(web.url, web.token) as made:
        yield made


@pytest.fixture
def finished(sqlite: Settings) -> Iterator[Task]:
    """A succeeded task with one file."""
    app = bare_app(sqlite)
    with app.app_context(), scope.acting("person:alice"):
        with writing() as session:
            task = make_task(session, State.SUCCEEDED)
            session.add(WorkspaceRow(task_id=task.id, store="host", folder="w1"))
        Workspace.create(workspaces_root(), "w1").write_bytes("output/a b.txt", b"x" * 1_000_000)
        yield task
        db.session.remove()
        db.engine.dispose()


def test_a_task_is_submitted_and_found_again(client: OpsCoreClient) -> None:
    made = client.submit(playbook=PLAYBOOK, inputs={"name": "you"}, complexity=9, title="Mine")
    assert client.task(made.id) == made
    assert [task.id for task in client.tasks(q="mine", complexity=9)] == [made.id]
    assert client.events(made.id)[0].kind == "task.submitted"
    assert client.steps(made.id) == []


def test_the_same_key_gives_the_same_task(client: OpsCoreClient) -> None:
    first = client.submit(playbook=PLAYBOOK, idempotency_key="k")
    assert client.submit(playbook=PLAYBOOK, idempotency_key="k").id == first.id
    with pytest.raises(Conflict):
        client.submit(playbook=PLAYBOOK, title="Other", idempotency_key="k")


def test_all_tasks_are_read_page_by_page(client: OpsCoreClient, finished: Task) -> None:
    with writing() as session:
        for _ in range(7):
            make_task(session)
    found = [task.id for task in client.tasks(limit=3)]
    assert len(found) == len(set(found)) == 8


def test_files_come_whole(client: OpsCoreClient, finished: Task) -> None:
    one, everything = io.BytesIO(), io.BytesIO()
    client.download(finished.id, "output/a b.txt", one)
    client.download_all(finished.id, everything)
    assert one.getvalue() == b"x" * 1_000_000
    assert zipfile.ZipFile(everything).read("output/a b.txt") == one.getvalue()
    assert {file.path: file.size_bytes for file in client.files(finished.id)}["output/a b.txt"] == 1_000_000


def test_an_upload_becomes_an_input(client: OpsCoreClient, tmp_path: Path) -> None:
    (tmp_path / "tåble.csv").write_text("a,b\n1,2\n")
    upload = client.upload(tmp_path / "tåble.csv")
    assert (upload.name, upload.size_bytes) == ("tåble.csv", 8)
    assert client.submit("analyse-table", inputs={"table": upload.input}).state == "queued"


def test_templates_agents_and_checks_are_told(client: OpsCoreClient) -> None:
    assert client.template(client.templates()[0].slug).steps
    assert client.agents() == []
    assert client.check(PLAYBOOK, {"name": "you"}).is_valid
    assert not client.check("name: x").is_valid
    assert client.health()["database"] == "ok"


def test_waiting_for_an_ended_task_returns_it(client: OpsCoreClient, finished: Task) -> None:
    assert client.wait(finished.id).has_succeeded
    assert list(client.follow(finished.id, after=finished.event_count)) == []


def test_refusals_are_errors(client: OpsCoreClient, web: Address) -> None:
    with pytest.raises(NotFound):
        client.task("0193f000-0000-7000-8000-000000000000")
    with pytest.raises(InvalidRequest) as caught:
        client.submit("survey-code-base")
    assert caught.value.problems[0].path == "inputs.source"
    with pytest.raises(Unauthorized), OpsCoreClient(web.url, "wrong") as stranger:
        stranger.agents()


def test_a_server_that_is_away_for_a_moment_is_asked_again(sqlite: Settings, tmp_path: Path) -> None:
    with live_web(sqlite, tmp_path / "web.log") as web, OpsCoreClient(web.url, web.token) as client:
        web.stop(signal.SIGKILL)
        threading.Timer(0.1, web.start).start()
        found = None
        for _ in range(10):
            try:
                found = client.agents()
                break
            except Unreachable:
                continue
        assert found == []


def test_the_client_is_found_outside_the_clone_as_the_page_says(tmp_path: Path) -> None:
    page = (PROJECT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    [command] = [line for line in page.splitlines() if line.startswith("PYTHONPATH=")]
    here = command.replace("/srv/opscore/.venv/bin/python", sys.executable).replace("/srv/opscore", str(PROJECT))
    done = subprocess.run(here, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "class OpsCoreClient" in done.stdout
