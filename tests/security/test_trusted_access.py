"""Everything that looks at a workspace from outside, tried on every hostile tree: hostile_trees.py.

It may work or refuse; it may not read, change or run anything of the host, nor take long, nor fail in a way that
nobody foresaw.
"""

import io
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import pytest

from models.errors import OpsCoreError
from tests.security.hostile_trees import SECRET, TREES
from tools import files_at
from tools.contract import MIB
from tools.history import History
from tools.workspace import Workspace
from webapp import preview
from webapp.downloads import download, safe_name
from webapp.zip_stream import NOTE, zipped

Tree = Callable[[Path, Path], None]


@pytest.fixture(params=TREES, ids=lambda tree: str(tree.__name__))
def workspace(request: pytest.FixtureRequest, tmp_path: Path, host: Path) -> Iterator[Workspace]:
    """A workspace with one of the trees."""
    workspace = Workspace.create(tmp_path / "workspaces", "w1", "# A task\n")
    request.param(workspace.path, host)
    begun = time.monotonic()
    yield workspace
    workspace.remove()
    assert not workspace.path.exists()
    assert time.monotonic() - begun < 60, "bounded, generously"


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "history", total_cap=64 * MIB, drafts=tmp_path / "drafts")


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def test_listings_are_whole_and_are_text(workspace: Workspace) -> None:
    entries = list(workspace.walk())
    assert {"output", "README.md"} <= {entry.path for entry in entries}
    for entry in entries:
        entry.path.encode()
        assert 0 <= entry.modified_at < 253_402_300_800
    assert [entry.path for entry in workspace.outline(10**6, 10**6)] == [entry.path for entry in entries]


def test_pages_of_a_listing_are_the_listing(workspace: Workspace) -> None:
    found, after = [], None
    while True:
        page = workspace.page(".", 3, after=after, is_deep=True)
        found += page.entries
        if (after := page.next) is None:
            break
    assert found == list(workspace.walk())


def test_no_file_shows_what_lies_outside(workspace: Workspace) -> None:
    for entry in workspace.walk():
        with suppress(OpsCoreError):
            assert SECRET not in workspace.read_bytes(entry.path, MIB)
        with suppress(OpsCoreError):
            seen = preview.of(workspace, entry.path)
            assert SECRET.decode() not in repr(seen)
            assert len(repr(seen)) < 4 * MIB
        with suppress(OpsCoreError):
            answer = download(workspace, entry.path)
            assert answer.headers["Content-Disposition"].startswith("attachment")
            assert answer.mimetype not in ("text/html", "image/svg+xml", "application/xhtml+xml", "text/xml")
            first = b"".join(islice(answer.response, 4))  # type: ignore[arg-type]
            answer.close()
            assert SECRET not in first


def test_archive_holds_plain_files_alone_under_names_that_lead_nowhere(workspace: Workspace) -> None:
    data = b"".join(zipped(workspace, 64 * MIB))
    assert len(data) < 8 * MIB
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = [info.filename for info in archive.infolist()]
        assert len(names) == len(set(names))
        assert sum(info.file_size for info in archive.infolist()) <= 65 * MIB
        for info in archive.infolist():
            assert not info.filename.startswith("/")
            for part in info.filename.split("/"):
                assert part not in ("", ".", "..")
                assert part == safe_name(part)
            assert SECRET not in archive.read(info)
        if any(entry.kind in ("link", "other") for entry in workspace.walk()):
            assert "These are not in this archive" in archive.read(NOTE).decode()


def test_history_keeps_and_gives_back_without_leaving_the_workspace(
    workspace: Workspace, history: History, tmp_path: Path
) -> None:
    first = history.snapshot(workspace)
    assert SECRET not in everything_in(history.folder)
    assert first.total_bytes <= 64 * MIB
    workspace.write_bytes("output/more.txt", b"more")
    second = history.snapshot(workspace)
    changes = history.compare(first.id, second.id)
    assert "output/more.txt" in changes.added
    for path in (*history.compare(None, second.id).added, "output/more.txt"):
        with suppress(OpsCoreError):
            assert SECRET.decode() not in history.diff(None, second.id, path)
    again = Workspace.create(tmp_path / "workspaces", "again")
    history.restore(second.id, again)
    assert history.snapshot(again).id == second.id
    history.restore(first.id, workspace)
    assert list(history.compare(first.id, history.snapshot(workspace).id).added) == []
    assert list((tmp_path / "drafts").iterdir()) == []
    again.remove()


def test_writing_moving_and_deleting_stay_inside(workspace: Workspace, host: Path) -> None:
    for entry in [entry for entry in workspace.walk() if entry.kind != "folder"][:40]:
        for act in (
            lambda path: workspace.write_bytes(path, b"more", append=True),
            lambda path: workspace.write_bytes(path, b"owned"),
            lambda path: workspace.write_bytes(f"{path}/below", b"owned"),
            lambda path: workspace.make_folder(f"{path}/below"),
            lambda path: workspace.move(path, f"{path}.moved"),
            lambda path: workspace.copy_in(host / "secret.txt", f"{path}/in"),
            workspace.delete,
        ):
            with suppress(OpsCoreError):
                act(entry.path)
    assert workspace.delete("output") > 0


def test_watching_its_size_ends(workspace: Workspace) -> None:
    root = files_at.open_root(workspace.path)
    try:
        assert files_at.disk_usage(root, 2**40) >= 0
    finally:
        os.close(root)
