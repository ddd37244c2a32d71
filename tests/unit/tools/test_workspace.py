"""Workspaces; what hostile ones try is in tests/security/test_hostile_workspaces.py."""

import os
from pathlib import Path

import pytest

from models.errors import Conflict, InvalidInput, NotFound
from tools import identity
from tools.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspaces", "w1", "# Title\n")


def test_new_workspace_has_its_folders_and_readme(workspace: Workspace) -> None:
    assert [(entry.path, entry.kind) for entry in workspace.list()] == [
        ("README.md", "file"), ("output", "folder"), ("research", "folder"), ("src", "folder"),
    ]  # fmt: skip
    assert workspace.read_bytes("README.md") == b"# Title\n"


def test_everything_in_it_belongs_to_the_uid_that_works_in_it(workspace: Workspace) -> None:
    workspace.write_bytes("output/deep/x", b"")
    expected = identity.UIDS[0] if identity.drops_uid() else os.getuid()
    assert {path.lstat().st_uid for path in (workspace.path, *workspace.path.rglob("*"))} == {expected}


def test_nobody_else_can_enter_it(workspace: Workspace) -> None:
    assert workspace.path.stat().st_mode & 0o077 == 0


def test_folder_that_is_there_is_not_taken(workspace: Workspace) -> None:
    with pytest.raises(Conflict):
        Workspace.create(workspace.path.parent, "w1")


def test_workspace_is_opened_again(workspace: Workspace) -> None:
    again = Workspace.open(workspace.path.parent, "w1")
    assert again.read_bytes("README.md") == b"# Title\n"


@pytest.mark.parametrize("folder", ["", ".", "..", "a/b", "/etc"])
def test_folder_is_one_plain_name(tmp_path: Path, folder: str) -> None:
    for door in (Workspace.open, Workspace.create):
        with pytest.raises(InvalidInput):
            door(tmp_path, folder)


def test_missing_or_linked_workspace_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/usr")
    for name in ("none", "link"):
        with pytest.raises(NotFound):
            Workspace.open(tmp_path, name)


def test_write_makes_folders_and_replaces_as_a_whole(workspace: Workspace) -> None:
    assert workspace.write_bytes("output/a/b.txt", b"long text") == 9
    with workspace.open_for_read("output/a/b.txt") as before:
        assert workspace.write_bytes("output/a/b.txt", b"new") == 3
        assert before.read() == b"long text", "who reads the old file goes on reading it"
    assert workspace.read_bytes("output/a/b.txt") == b"new"
    assert [entry.path for entry in workspace.list("output/a")] == ["output/a/b.txt"], "a draft is left"


def test_append_adds_to_the_end_and_makes_the_file(workspace: Workspace) -> None:
    assert workspace.write_bytes("log", b"one", append=True) == 3
    assert workspace.write_bytes("log", b"two", append=True) == 6
    assert workspace.read_bytes("log") == b"onetwo"


def test_write_keeps_the_mode_of_a_program(workspace: Workspace) -> None:
    workspace.write_bytes("run.sh", b"")
    (workspace.path / "run.sh").chmod(0o4755)
    workspace.write_bytes("run.sh", b"new")
    assert (workspace.path / "run.sh").stat().st_mode & 0o7777 == 0o755


def test_folder_is_not_written_over_nor_read(workspace: Workspace) -> None:
    for call in (lambda: workspace.write_bytes("src", b""), lambda: workspace.read_bytes("src")):
        with pytest.raises(InvalidInput):
            call()


def test_read_stops_at_its_limit(workspace: Workspace) -> None:
    assert workspace.read_bytes("README.md", 3) == b"# T"


def test_missing_things_are_not_found(workspace: Workspace) -> None:
    for call in (workspace.read_bytes, workspace.entry, workspace.delete, workspace.list):
        with pytest.raises(NotFound):
            call("output/none")
    assert not workspace.exists("output/none")
    assert workspace.exists(".")


def test_walk_shows_parents_first(workspace: Workspace) -> None:
    workspace.write_bytes("src/a/b", b"")
    assert [entry.path for entry in workspace.walk("src")] == ["src/a", "src/a/b"]


def test_move_into_itself_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput):
        workspace.move("src", "src/inner/src")


def test_delete_counts_what_went(workspace: Workspace) -> None:
    workspace.write_bytes("src/a/b", b"")
    workspace.write_bytes("src/a/c/d", b"")
    assert workspace.delete("src/a") == 4
    assert workspace.list("src") == []


@pytest.mark.parametrize("path", [".", "", "src/.."])
def test_workspace_itself_is_neither_deleted_nor_moved(workspace: Workspace, path: str) -> None:
    with pytest.raises(InvalidInput):
        workspace.delete(path)
    with pytest.raises(InvalidInput):
        workspace.move(path, "x")


def test_removing_twice_is_fine(workspace: Workspace) -> None:
    workspace.remove()
    workspace.remove()
    assert not workspace.path.exists()
    with pytest.raises(NotFound):
        workspace.list()
