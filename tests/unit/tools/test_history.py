"""Snapshots of a workspace; hostile ones are in tests/security/test_hostile_workspaces.py."""

import json
import os
import time
from pathlib import Path

import pytest

from models.errors import NotFound
from tools.history import Changes, History
from tools.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspaces", "w1", "# Title\n")


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "history")


def blobs(history: History) -> set[Path]:
    return {path for path in (history.folder / "blobs").rglob("*") if path.is_file()}


def test_same_contents_have_the_same_id_anywhere(workspace: Workspace, history: History, tmp_path: Path) -> None:
    other = Workspace.create(tmp_path / "workspaces", "w2", "# Title\n")
    assert history.snapshot(workspace).id == history.snapshot(other).id
    assert len(blobs(history)) == 1


def test_changes_are_named(workspace: Workspace, history: History) -> None:
    workspace.write_bytes("src/old", b"old")
    before = history.snapshot(workspace)
    workspace.delete("src/old")
    workspace.write_bytes("README.md", b"# Other\n")
    workspace.write_bytes("output/new", b"new")
    after = history.snapshot(workspace)
    assert history.compare(before.id, after.id) == Changes(("output/new",), ("README.md",), ("src/old",))
    assert history.compare(None, before.id) == Changes(added=("README.md", "src/old"))
    assert history.compare(after.id, after.id) == Changes()


def test_change_of_the_same_size_right_after_a_snapshot_is_seen(workspace: Workspace, history: History) -> None:
    ids = set()
    for number in range(20):
        workspace.write_bytes("x", b"%02d" % number)
        ids.add(history.snapshot(workspace).id)
    assert len(ids) == 20


def test_change_with_its_old_time_set_back_is_seen(workspace: Workspace, history: History) -> None:
    path = workspace.path / "README.md"
    time.sleep(0.1)
    before = history.snapshot(workspace)
    stat = path.stat()
    with path.open("r+b") as file:
        file.write(b"# OTHER\n")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert history.compare(before.id, history.snapshot(workspace).id).changed == ("README.md",)


def test_unchanged_files_are_not_read_again(workspace: Workspace, history: History) -> None:
    time.sleep(0.1)
    first = history.snapshot(workspace)
    for blob in blobs(history):
        blob.unlink()
    assert history.snapshot(workspace).id == first.id
    assert blobs(history) == set(), "it was read and kept again"


def test_restored_workspace_is_the_one_that_was_kept(workspace: Workspace, history: History, tmp_path: Path) -> None:
    workspace.write_bytes("src/run.sh", b"#!/bin/sh\n")
    (workspace.path / "src/run.sh").chmod(0o755)
    workspace.make_folder("output/empty")
    (workspace.path / "src/link").symlink_to("run.sh")
    kept = history.snapshot(workspace)
    other = Workspace.create(tmp_path / "workspaces", "w2", "something else")
    other.write_bytes("output/leftover", b"x")
    history.restore(kept.id, other)
    assert history.snapshot(other).id == kept.id
    assert (other.path / "src/run.sh").stat().st_mode & 0o777 == 0o755
    assert os.readlink(other.path / "src/link") == "run.sh"
    assert other.exists("output/empty")
    assert not other.exists("output/leftover")
    assert {path.lstat().st_uid for path in other.path.rglob("*")} == {other.path.stat().st_uid}


def test_environments_are_left_out(workspace: Workspace, history: History) -> None:
    for name in (".venv/x", "src/__pycache__/x", "node_modules/x"):
        workspace.write_bytes(name, b"x")
    assert history.snapshot(workspace).files == 1


def test_file_over_the_cap_is_left_out_and_named(workspace: Workspace, tmp_path: Path) -> None:
    workspace.write_bytes("big", bytes(1001))
    workspace.write_bytes("fits", bytes(1000))
    snapshot = History(tmp_path / "history", file_cap=1000).snapshot(workspace)
    assert snapshot.left_out == ("big",)
    assert snapshot.total_bytes == 1000 + len("# Title\n")


def test_large_file_is_kept_whole(workspace: Workspace, history: History) -> None:
    data = os.urandom(3_500_000)
    workspace.write_bytes("big", data)
    snapshot = history.snapshot(workspace)
    assert history.read(snapshot.id, "big") == data
    assert history.read(snapshot.id, "big", 10) == data[:10]


def test_diff_of_text(workspace: Workspace, history: History) -> None:
    workspace.write_bytes("a.txt", b"one\ntwo\n")
    before = history.snapshot(workspace)
    workspace.write_bytes("a.txt", b"one\nthree")
    after = history.snapshot(workspace)
    assert history.diff(before.id, after.id, "a.txt") == (
        "--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n\\ No newline at end of file\n"
    )
    assert history.diff(None, before.id, "a.txt").startswith("--- /dev/null\n+++ b/a.txt\n")


@pytest.mark.parametrize("data", [b"\x89PNG\0", b"\xff\xfe", b"x" * 600_000, b"x\n" * 10_001])
def test_diff_of_what_is_no_readable_text_is_a_sentence(workspace: Workspace, history: History, data: bytes) -> None:
    workspace.write_bytes("x", data)
    said = history.diff(None, history.snapshot(workspace).id, "x")
    assert said == f"Binary or very large: 0 bytes before, {len(data):,} bytes after.\n"


def test_what_is_not_there_is_not_found(workspace: Workspace, history: History) -> None:
    kept = history.snapshot(workspace)
    for call in (
        lambda: history.read(kept.id, "none"),
        lambda: history.read("0" * 40, "README.md"),
        lambda: history.diff(None, kept.id, "none"),
    ):
        with pytest.raises(NotFound):
            call()


def test_snapshot_that_was_cut_off_is_never_used(
    workspace: Workspace, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = history.snapshot(workspace)
    workspace.write_bytes("output/x", b"x")
    monkeypatch.setattr("tools.history.write_whole", lambda *_: (_ for _ in ()).throw(OSError("disk is full")))
    with pytest.raises(OSError, match="disk is full"):
        history.snapshot(workspace)
    monkeypatch.undo()
    manifests = [path.stem for path in (history.folder / "snapshots").iterdir()]
    assert manifests == [first.id]
    assert history.compare(first.id, history.snapshot(workspace).id).added == ("output/x",)


def test_history_is_plain_files_and_goes_with_its_folder(workspace: Workspace, history: History) -> None:
    kept = history.snapshot(workspace)
    json.loads((history.folder / "snapshots" / f"{kept.id}.json").read_bytes())
    history.remove()
    history.remove()
    assert not history.folder.exists()
