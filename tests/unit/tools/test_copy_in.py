"""Bringing a folder or file of the host into a workspace."""

from pathlib import Path

import pytest

from models.errors import InvalidInput, NotFound
from tools.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspaces", "w1")


@pytest.fixture
def given(tmp_path: Path) -> Path:
    folder = tmp_path / "given"
    for name, text in {
        "a.py": "a", "deep/b.py": "b", "deep/er/c.py": "c", "deep/z.py": "z", "last.py": "l",
        "__pycache__/a.pyc": "", "lib/site-packages/x.py": "", "lib/dist-packages/y.py": "",
    }.items():  # fmt: skip
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "a.py").chmod(0o4755)
    return folder


def test_folder_comes_in_without_what_is_made_from_it(workspace: Workspace, given: Path) -> None:
    copied = workspace.copy_in(given)
    names = ["a.py", "deep/b.py", "deep/er/c.py", "deep/z.py", "last.py"]
    assert sorted(copied) == [f"src/input/{name}" for name in names]
    assert workspace.read_bytes("src/input/deep/er/c.py") == b"c"
    assert workspace.exists("src/input/lib"), "empty folders are part of the input"
    assert not workspace.exists("src/input/lib/site-packages")


def test_copy_is_no_second_name_of_the_original(workspace: Workspace, given: Path) -> None:
    workspace.copy_in(given)
    workspace.write_bytes("src/input/last.py", b"changed", append=True)
    assert (given / "last.py").read_text() == "l"
    assert (given / "last.py").stat().st_nlink == 1


def test_programs_stay_programs_without_setuid(workspace: Workspace, given: Path) -> None:
    workspace.copy_in(given)
    assert (workspace.path / "src/input/a.py").stat().st_mode & 0o7777 == 0o755


def test_single_file_comes_in_by_its_name(workspace: Workspace, given: Path) -> None:
    assert workspace.copy_in(given / "a.py") == ["src/input/a.py"]


def test_input_over_its_size_is_refused(workspace: Workspace, given: Path) -> None:
    with pytest.raises(InvalidInput, match="too large"):
        workspace.copy_in(given, max_bytes=3)


def test_missing_input_is_not_found(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        workspace.copy_in(tmp_path / "none")


def test_device_is_no_input(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput):
        workspace.copy_in(Path("/dev/zero"))
