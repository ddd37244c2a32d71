"""What killed processes left in the data folder goes; what somebody may still need stays."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

import settings
from models import scope
from models.database import bare_app, db, writing
from models.errors import ToolFailed
from models.workspace import Workspace as WorkspaceRow
from tasks.folders import drafts_of_histories, workspaces_root
from tasks.keeping import leftovers
from tasks.orders import uploads
from tests.support.factories import make_task
from tools.workspace import Workspace


@pytest.fixture(autouse=True)
def place(database: settings.Settings) -> Iterator[None]:
    """A database, and the reconciler's scope."""
    app = bare_app(database)
    with app.app_context(), scope.wide("system:reconciler"):
        yield
        db.engine.dispose()


def dead_process() -> dict[str, object]:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started_at = psutil.Process(child.pid).create_time()
    child.communicate()
    return {"host": socket.gethostname(), "pid": child.pid, "started_at": started_at}


def note(folder: str, about: dict[str, object], age: timedelta = timedelta(0)) -> Path:
    path = settings.load().data_dir / "run" / "unnamed" / folder
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(about))
    then = time.time() - age.total_seconds()
    os.utime(path, (then, then))
    return path


def name_it(folder: str) -> None:
    with scope.acting("person:local"), writing() as session:
        task = make_task(session)
        session.add(WorkspaceRow(task_id=task.id, store="local", folder=folder))


def test_folder_of_a_killed_worker_that_no_row_names_is_swept() -> None:
    workspace = Workspace.create(workspaces_root(), "w1")
    left = note("w1", dead_process())
    assert leftovers.sweep() == 1
    assert not workspace.path.exists()
    assert not left.exists()
    assert leftovers.sweep() == 0


def test_folder_that_a_row_names_stays() -> None:
    workspace = Workspace.create(workspaces_root(), "w1")
    name_it("w1")
    left = note("w1", dead_process())
    leftovers.sweep()
    assert workspace.path.exists()
    assert not left.exists()


def test_folder_without_a_note_stays() -> None:
    """With another database every folder would seem to be nobody's."""
    workspace = Workspace.create(workspaces_root(), "w1")
    assert leftovers.sweep() == 0
    assert workspace.path.exists()


@pytest.mark.parametrize(("age", "stays"), [(timedelta(hours=1), True), (timedelta(hours=7), False)])
def test_folder_of_another_host_stays_for_hours(age: timedelta, stays: bool) -> None:
    workspace = Workspace.create(workspaces_root(), "w1")
    note("w1", {"host": "elsewhere", "pid": 1, "started_at": 0.0}, age)
    leftovers.sweep()
    assert workspace.path.exists() is stays


def test_folder_of_a_process_at_work_stays_and_its_predecessor_goes_when_it_is_done() -> None:
    before = Workspace.create(workspaces_root(), "before")
    with leftovers.replacing("before", "w1"):
        workspace = Workspace.create(workspaces_root(), "w1")
        assert leftovers.sweep() == 0
        assert before.path.exists()
        name_it("w1")
    assert workspace.path.exists()
    assert not before.path.exists()
    assert list((settings.load().data_dir / "run" / "unnamed").iterdir()) == []


def test_folder_that_could_not_be_prepared_leaves_no_note() -> None:
    with pytest.raises(ToolFailed), leftovers.replacing(None, "w1"):
        raise ToolFailed("cannot do it")
    assert list((settings.load().data_dir / "run" / "unnamed").iterdir()) == []


def test_unfinished_files_go_once_they_are_old() -> None:
    old, new = [], []
    for folder in (uploads.drafts_folder(settings.load()), drafts_of_histories()):
        folder.mkdir(parents=True)
        for name, kept in (("old", old), ("new", new)):
            (folder / name).write_text("part")
            kept.append(folder / name)
    for path in old:
        os.utime(path, (1, 1))
    assert leftovers.sweep() == 2
    assert [path.exists() for path in (*old, *new)] == [False, False, True, True]
