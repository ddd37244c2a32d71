"""Counting a workspace: bytes and names, nothing hidden, nothing endless."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.contract import MIB, Limits
from tools.sandbox import disk
from tools.sandbox.disk import Disk


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_every_name_counts_and_links_are_not_followed(tmp_path: Path, root: int) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(bytes(8192))
    (tmp_path / "link").symlink_to("/usr")
    os.link(tmp_path / "folder" / "file", tmp_path / "again")
    found = disk.count(root, 10**9, 10**9)
    assert (found.names, found.is_too_deep) == (4, False)
    assert found.bytes >= 2 * 8192


def test_closed_folder_hides_nothing(tmp_path: Path, root: int) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "file").touch()
    (tmp_path / "closed").chmod(0)
    assert disk.count(root, 10**9, 10**9).names == 2


def test_counting_stops_once_it_is_over(tmp_path: Path, root: int) -> None:
    for number in range(50):
        (tmp_path / str(number)).touch()
    assert disk.count(root, 10**9, 9).names == 10


def test_what_is_too_deep_is_said_and_not_entered(tmp_path: Path, root: int) -> None:
    folder = tmp_path
    for _ in range(70):
        folder /= "d"
        folder.mkdir()
    assert disk.count(root, 10**9, 10**9).is_too_deep


def test_much_written_is_counted_at_once_and_little_later(tmp_path: Path) -> None:
    watched = Disk(tmp_path, Limits(workspace_bytes=20 * MIB))
    (tmp_path / "big").write_bytes(os.urandom(24 * MIB))
    assert watched.over(written_bytes=24 * MIB) == "workspace_bytes"


def test_names_over_the_limit_are_their_own_limit(tmp_path: Path) -> None:
    watched = Disk(tmp_path, Limits(workspace_files=5))
    for number in range(9):
        (tmp_path / str(number)).touch()
    assert watched.over(written_bytes=10**9) == "workspace_files"


def test_folder_that_went_with_its_call_takes_no_room(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    watched = Disk(tmp_path / "gone", Limits(workspace_files=1))
    (tmp_path / "gone").rmdir()
    assert watched.over(10**12) is None
