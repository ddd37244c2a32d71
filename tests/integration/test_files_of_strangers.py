"""Files that agents wrote and people brought, as the web application sends, lists and takes them."""

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import settings
from models import scope
from models.database import db, writing
from models.states import State
from models.workspace import Upload
from models.workspace import Workspace as WorkspaceRow
from tasks.folders import workspaces_root
from tasks.orders import uploads
from tests.security import hostile_trees
from tests.support.factories import make_task
from tests.support.web import Api
from tools.workspace import Workspace
from webapp import create_app, zip_stream
from webapp.pages import files

# What is asked of the database here is asked of both in test_api.py and test_pages.py.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def web(database: settings.Settings) -> Iterator[Flask]:
    app = create_app(database)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def person(web: Flask) -> FlaskClient:
    """A browser that is signed in."""
    client = web.test_client()
    with client.session_transaction() as session:
        session["person"] = "person:local"
    return client


@pytest.fixture
def task_id(web: Flask) -> str:
    """A task whose workspace is `w1`."""
    with web.app_context(), scope.acting("person:local"), writing() as session:
        task = make_task(session, State.SUCCEEDED)
        session.add(WorkspaceRow(task_id=task.id, store="local", folder="w1"))
        return str(task.id)


@pytest.fixture
def workspace(database: settings.Settings) -> Workspace:
    return Workspace.create(workspaces_root(), "w1")


def assert_only_to_save(answer: TestResponse) -> None:
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.mimetype not in ("text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "text/javascript")


def test_whatever_a_browser_would_run_is_only_to_be_saved(
    person: FlaskClient, api: Api, workspace: Workspace, task_id: str, tmp_path: Path
) -> None:
    hostile_trees.scripts(workspace.path, tmp_path)
    for entry in workspace.list("output"):
        for answer in (
            person.get(f"/tasks/{task_id}/download/{entry.path}"),
            api.ask("GET", f"/v1/tasks/{task_id}/files/{entry.path}"),
        ):
            assert answer.status_code == 200
            assert answer.data == workspace.read_bytes(entry.path)
            assert_only_to_save(answer)
    for answer in (person.get(f"/tasks/{task_id}/files.zip"), api.ask("GET", f"/v1/tasks/{task_id}/files.zip")):
        assert_only_to_save(answer)


def test_preview_runs_nothing_on_the_applications_origin(
    person: FlaskClient, workspace: Workspace, task_id: str, tmp_path: Path
) -> None:
    hostile_trees.scripts(workspace.path, tmp_path)
    for entry in workspace.list("output"):
        for page in (f"/tasks/{task_id}/view/{entry.path}", f"/tasks/{task_id}/files?path={entry.path}"):
            shown = person.get(page).text
            assert "<script>alert" not in shown
            assert 'onload="' not in shown
        framed = person.get(f"/tasks/{task_id}/raw/{entry.path}", headers={"Sec-Fetch-Dest": "iframe"})
        if framed.status_code == 200:
            policy = framed.headers["Content-Security-Policy"]
            assert policy.startswith("sandbox")
            assert "allow-same-origin" not in policy
            assert "default-src 'none'" in policy
            may_run = "allow-scripts" in policy
            assert may_run == (framed.mimetype in ("text/html", "application/xhtml+xml"))
        alone = person.get(f"/tasks/{task_id}/raw/{entry.path}")
        assert alone.status_code in (302, 404)


def test_picture_that_is_none_is_not_sent_as_one(person: FlaskClient, workspace: Workspace, task_id: str) -> None:
    workspace.write_bytes("output/a.png", b"<svg onload=alert(1)>")
    workspace.write_bytes("output/b.png", b"\xff\xd8\xff\xe0 a photograph")
    image = {"Sec-Fetch-Dest": "image"}
    assert person.get(f"/tasks/{task_id}/raw/output/a.png", headers=image).status_code == 404
    assert person.get(f"/tasks/{task_id}/raw/output/b.png", headers=image).mimetype == "image/jpeg"


@pytest.mark.parametrize("tree", hostile_trees.TREES, ids=lambda tree: str(tree.__name__))
def test_every_page_and_answer_about_a_hostile_tree_is_one(
    person: FlaskClient, api: Api, workspace: Workspace, task_id: str, tmp_path: Path, tree: object
) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "secret.txt").write_bytes(hostile_trees.SECRET)
    tree(workspace.path, tmp_path / "host")  # type: ignore[operator]
    listed = api.ask("GET", f"/v1/tasks/{task_id}/files?limit=50")
    assert listed.status_code == 200
    answers = [person.get(f"/tasks/{task_id}/files"), person.get(f"/tasks/{task_id}/files?folder=output")]
    assert [answer.status_code for answer in answers] == [200, 200]
    for file in listed.json["files"][:20]:  # type: ignore[index]
        for where in (f"files?path={file['path']}", f"view/{file['path']}", f"raw/{file['path']}"):
            answers.append(
                person.get(f"/tasks/{task_id}/{where}", headers={"Sec-Fetch-Dest": "iframe"}, buffered=False)
            )
    for answer in answers:
        assert answer.status_code < 500
        assert hostile_trees.SECRET not in next(iter(answer.iter_encoded()), b"")
        answer.close()
    workspace.remove()


def test_large_folder_is_listed_in_pages(person: FlaskClient, api: Api, workspace: Workspace, task_id: str) -> None:
    with workspace.root():
        for number in range(1200):
            (workspace.path / "output" / f"{number:05}.txt").touch()
    page = person.get(f"/tasks/{task_id}/files").text
    assert page.count("output/00") == 200
    assert "All of this folder" in page
    seen: set[str] = set()
    address = f"/tasks/{task_id}/files?folder=output"
    for _ in range(3):
        page = person.get(address).text
        seen |= set(re.findall(r"path=output/(\d{5}\.txt)", page))
        address = (re.findall(r'href="([^"]+after=[^"#]+)">', page) or [""])[0].replace("&amp;", "&")
    assert len(seen) == 1200
    cursor, named = None, []
    while True:
        query = "limit=500" + (f"&cursor={cursor}" if cursor else "")
        found = api.ask("GET", f"/v1/tasks/{task_id}/files?{query}").json
        assert found is not None
        named += [file["path"] for file in found["files"]]
        cursor = found["next_cursor"]
        assert found["is_complete"] == (cursor is None)
        if cursor is None:
            break
    assert named == sorted(named)
    assert len(named) == 1201
    assert api.ask("GET", f"/v1/tasks/{task_id}/files?cursor=%21").status_code == 422


def test_list_and_archive_say_what_they_leave_out_of_very_many_files(
    person: FlaskClient, workspace: Workspace, task_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Folders count too: most of what a cut listing holds may be folders.
    for number in range(5):
        workspace.write_bytes(f"output/{number}/a.txt", b"a")
    assert "Only a part of the files is listed" not in person.get(f"/tasks/{task_id}/files").text
    monkeypatch.setattr(files, "MOST_LISTED", 5)
    assert "Only a part of the files is listed" in person.get(f"/tasks/{task_id}/files").text
    monkeypatch.setattr(zip_stream, "MOST_ENTRIES", 7)
    with zipfile.ZipFile(io.BytesIO(person.get(f"/tasks/{task_id}/files.zip").data)) as archive:
        left_out = archive.read(zip_stream.NOTE).decode()
        assert len(archive.namelist()) < 7 and "all that follows it" in left_out


def limited(monkeypatch: pytest.MonkeyPatch, **values: int) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"OPSCORE_{name.upper()}", str(value))
    settings.load.cache_clear()


def left(told: settings.Settings) -> list[str]:
    return [path.name for path in (told.data_dir / "uploads").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("limits", "name", "data", "reason"),
    [
        ({"upload_max_bytes": 1000}, "a.csv", b"x" * 1001, "OPSCORE_UPLOAD_MAX_BYTES"),
        ({"uploads_total_bytes": 1000}, "a.csv", b"x" * 1001, "OPSCORE_UPLOADS_TOTAL_BYTES"),
        ({"disk_reserve_bytes": 2**60}, "a.csv", b"x", "OPSCORE_DISK_RESERVE_BYTES"),
        ({}, "a.png", b"<svg>", "its contents are text"),
        ({}, "a.csv", b"", "it is empty"),
        ({}, "\u202e", b"x", "it has no name"),
    ],
)
def test_upload_that_cannot_be_taken_says_why_and_leaves_nothing(
    web: Flask, api: Api, database: settings.Settings, monkeypatch: pytest.MonkeyPatch,
    limits: dict[str, int], name: str, data: bytes, reason: str,
) -> None:  # fmt: skip
    limited(monkeypatch, **limits)
    answer = api.ask("POST", "/v1/uploads", data={"file": (io.BytesIO(data), name)})
    assert answer.status_code == 422, answer.text
    assert [problem["path"] for problem in answer.json["problems"]] == ["file"]  # type: ignore[index]
    assert reason in answer.json["problems"][0]["message"]  # type: ignore[index]
    assert left(database) == []
    with web.app_context(), scope.acting("person:local"):
        assert db.session.query(Upload).count() == 0


def test_uploads_of_everybody_count_together(
    web: Flask, database: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, uploads_total_bytes=1500)
    with web.app_context():
        with scope.acting("person:alice"):
            uploads.store("a.csv", io.BytesIO(b"x" * 1000))
        with scope.acting("person:charlie", "elsewhere"), pytest.raises(Exception, match="all uploads together"):
            uploads.store("a.csv", io.BytesIO(b"x" * 1000))


def test_uploads_that_come_in_together_share_the_room(
    web: Flask, database: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, uploads_total_bytes=1500)

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() == 0:
                uploads.store("b.csv", io.BytesIO(b"y" * 1000))
            return super().read(size)

    with web.app_context(), scope.acting("person:alice"):
        with pytest.raises(Exception, match="all uploads together"):
            uploads.store("a.csv", Slow(b"x" * 1000))
        assert [upload.name for upload in db.session.query(Upload)] == ["b.csv"]
    assert len(left(database)) == 1


def test_upload_never_takes_more_disk_than_it_may(
    web: Flask, database: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, upload_max_bytes=3 * 2**20)
    most = 0

    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            nonlocal most
            most = max(most, sum(path.stat().st_size for path in uploads.drafts_folder(database).iterdir()))
            return b"x" * size

    with web.app_context(), scope.acting("person:alice"), pytest.raises(Exception, match="larger than"):
        uploads.store("a.csv", Endless())  # type: ignore[arg-type]
    assert 2**20 < most <= 3 * 2**20
