"""A folder of the host that a person runs a command on: which may be, and whose it is meanwhile and afterwards."""

import os
from pathlib import Path

import pytest

from models.errors import Conflict, InvalidInput
from tools import identity
from tools.borrowed import borrowed, require_lendable

as_root = pytest.mark.skipif(not identity.drops_uid(), reason="only root gives up its uid; as root this runs")


@pytest.mark.parametrize(
    "folder", ["/", "/etc", "/etc/ssl", "/usr/bin", "/dev", "/proc", "/run", "/var", "/home", "/tmp"]
)
def test_part_of_the_system_is_no_workspace(folder: str) -> None:
    with pytest.raises(InvalidInput, match="mktemp -d"):
        require_lendable(Path(folder))


def test_home_and_what_holds_it_is_no_workspace() -> None:
    home = Path.home().resolve()
    for folder in (home, *home.parents):
        with pytest.raises(InvalidInput, match="mktemp -d"):
            require_lendable(folder)


def test_folder_of_the_installation_and_what_holds_it_is_no_workspace(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "secrets").mkdir(parents=True)
    for folder in (tmp_path, data, data / "secrets"):
        with pytest.raises(InvalidInput, match="data"):
            require_lendable(folder, (data,))


def test_folder_of_its_own_is_one(tmp_path: Path) -> None:
    require_lendable(tmp_path, (tmp_path.parent / "data",))


def test_it_belongs_to_a_lent_uid_meanwhile_as_root_and_to_nobody_else_otherwise(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with borrowed(tmp_path), identity.lent() as other:
        assert (tmp_path / "file").stat().st_uid == tmp_path.stat().st_uid
        assert tmp_path.stat().st_uid in (identity.UIDS if identity.drops_uid() else {os.getuid()})
        assert tmp_path.stat().st_uid != other


@as_root
def test_everybody_has_theirs_back_and_new_files_are_the_folders_owners(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name, uid in (("below/ours", 0), ("theirs", 4321)):
        (tmp_path / name).touch()
        os.chown(tmp_path / name, uid, uid)
    os.chown(tmp_path, 1234, 1235)
    with pytest.raises(RuntimeError), borrowed(tmp_path):
        uid = tmp_path.stat().st_uid
        (tmp_path / "below" / "new").touch()
        (tmp_path / "link").symlink_to("/etc/passwd")
        for made in ("below/new", "link"):
            os.chown(tmp_path / made, uid, uid, follow_symlinks=False)
        raise RuntimeError
    owners = {path.name: (path.lstat().st_uid, path.lstat().st_gid) for path in tmp_path.rglob("*")}
    folders = (1234, 1235)
    assert owners == {"below": (0, 0), "ours": (0, 0), "theirs": (4321, 4321), "new": folders, "link": folders}
    assert (tmp_path.stat().st_uid, tmp_path.stat().st_gid) == folders
    assert Path("/etc/passwd").stat().st_uid == 0


@as_root
def test_what_has_a_second_name_or_a_setuid_bit_is_not_handed_over(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    folder.mkdir()
    outside.touch()
    (folder / "second").hardlink_to(outside)
    (folder / "setuid").touch()
    (folder / "setuid").chmod(0o4755)
    with borrowed(folder):
        assert (outside.stat().st_uid, (folder / "setuid").stat().st_uid) == (0, 0)
    assert (folder / "setuid").stat().st_mode & 0o7777 == 0o4755


@as_root
def test_folder_whose_uid_is_at_work_is_not_worked_in_twice(tmp_path: Path) -> None:
    with borrowed(tmp_path), pytest.raises(Conflict), borrowed(tmp_path):
        pass
    with borrowed(tmp_path):
        pass
