"""Control groups: which folder is ours, where a group may be made, what is written to it and read from it.

Version 2 is shown on folders that look like its own; that a real kernel takes it: tests/security, where there is one.
"""

from pathlib import Path

import pytest

from tools.contract import MIB, Limits
from tools.sandbox.cgroup import Group, Groups
from tools.sandbox.cgroup_mounts import Mounts
from tools.sandbox.cgroup_v1 import Version1
from tools.sandbox.cgroup_v2 import Version2

LIMITS = Limits(memory_bytes=300 * MIB, processes=40)
V2_FILES = ("memory.max", "memory.swap.max", "pids.max", "cpu.weight", "cgroup.procs")
V1_FILES = {
    "memory": ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
    "pids": ("pids.max",),
    "cpu": ("cpu.shares",),
}


def mountinfo(*lines: tuple[str, Path, str, str]) -> str:
    return "".join(f"31 23 0:28 {root} {place} rw - {kind} {kind} {options}\n" for root, place, kind, options in lines)


def unit_in_slice(top: Path, passed_on: str = "memory pids cpu") -> Version2:
    """As systemd lays a unit out: in a slice that passes controllers on, itself passing none."""
    own = top / "system.slice" / "opscore.service"
    own.mkdir(parents=True)
    (own / "cgroup.subtree_control").write_text("")
    (own.parent / "cgroup.subtree_control").write_text(passed_on)
    return Version2(Mounts(mountinfo(("/", top, "cgroup2", "rw")), "0::/system.slice/opscore.service\n"))


def group_of(version: Version1 | Version2, folders: dict[str, Path], files: dict[str, tuple[str, ...]]) -> Group:
    for controller, folder in folders.items():
        folder.mkdir(exist_ok=True)
        for name in files.get(controller, ()):
            (folder / name).touch()
    version.limit(folders, LIMITS)
    return Group(version, folders)


def test_own_folder_is_that_of_the_controller(tmp_path: Path) -> None:
    mounts = Mounts(
        mountinfo(("/", tmp_path / "cpu", "cgroup", "rw,cpu,cpuacct"), ("/", tmp_path / "pids", "cgroup", "rw,pids")),
        "4:cpu,cpuacct:/a/b\n3:pids:/c\n1:name=systemd:/d\n0::/e\n",
    )
    assert mounts.own("cpuacct") == tmp_path / "cpu" / "a" / "b"
    assert mounts.own("pids") == tmp_path / "pids" / "c"
    assert mounts.own("memory") is None
    assert mounts.own("") is None


@pytest.mark.parametrize(
    ("root", "own", "shown"),
    [("/docker/1", "/docker/1/worker", "worker"), ("/docker/1", "/docker/2", None), ("/", "/../other", None)],
)
def test_container_sees_its_part_only(tmp_path: Path, root: str, own: str, shown: str | None) -> None:
    mounts = Mounts(mountinfo((root, tmp_path, "cgroup", "rw,pids")), f"3:pids:{own}\n")
    assert mounts.own("pids") == (tmp_path / shown if shown else None)


def test_host_without_control_groups_has_none() -> None:
    assert Mounts("", "").own("") is None
    assert list(Version2(Mounts("", "")).parents()) == []
    assert list(Version1(Mounts("", "")).parents()) == [{}]


def test_second_version_makes_its_group_beside_ours_where_ours_can_pass_nothing_on(tmp_path: Path) -> None:
    version = unit_in_slice(tmp_path)
    own = tmp_path / "system.slice" / "opscore.service"
    # A kernel refuses to write there, as the group has processes; these folders do not.
    (own / "cgroup.subtree_control").unlink()
    assert list(version.parents()) == [{}, dict.fromkeys(("memory", "pids", "cpu"), own.parent)]


def test_second_version_makes_its_group_below_ours_where_that_passes_on(tmp_path: Path) -> None:
    version = unit_in_slice(tmp_path)
    own = tmp_path / "system.slice" / "opscore.service"
    (own / "cgroup.subtree_control").write_text("memory pids cpu")
    assert next(version.parents())["memory"] == own


def test_only_what_is_passed_on_is_bounded(tmp_path: Path) -> None:
    version = unit_in_slice(tmp_path, passed_on="pids")
    *_, above = version.parents()
    assert Groups(version, above).bounds == ["pids"]


def test_second_version_writes_every_limit(tmp_path: Path) -> None:
    folders = dict.fromkeys(("memory", "pids", "cpu"), tmp_path / "group")
    group_of(Version2(Mounts("", "")), folders, {"memory": V2_FILES})
    written = {name: (tmp_path / "group" / name).read_text() for name in V2_FILES}
    assert written["memory.max"] == str(LIMITS.memory_bytes)
    assert written["memory.swap.max"] == "0"
    assert written["pids.max"] == "41"
    assert int(written["cpu.weight"]) < 100


def test_second_version_says_what_was_hit_and_used(tmp_path: Path) -> None:
    folders = dict.fromkeys(("memory", "pids", "cpu"), tmp_path / "group")
    group = group_of(Version2(Mounts("", "")), folders, {"memory": V2_FILES})
    told = {
        "memory.events": "low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n",
        "memory.peak": str(200 * MIB),
        "memory.stat": f"anon 5\ninactive_file {30 * MIB}\nactive_file {20 * MIB}\n",
        "pids.events": "max 0\n",
        "cpu.stat": "usage_usec 1500000\nuser_usec 1000000\n",
    }
    for name, text in told.items():
        (tmp_path / "group" / name).write_text(text)
    seen = group.seen()
    assert (seen.hit, seen.cpu_s, seen.memory_peak_bytes) == ("memory_bytes", 1.5, 150 * MIB)


def test_first_version_writes_every_limit_to_its_controllers_folder(tmp_path: Path) -> None:
    folders = {controller: tmp_path / controller for controller in V1_FILES}
    group = group_of(Version1(Mounts("", "")), folders, V1_FILES)
    assert (tmp_path / "memory" / "memory.limit_in_bytes").read_text() == str(LIMITS.memory_bytes)
    assert (tmp_path / "memory" / "memory.memsw.limit_in_bytes").read_text() == str(LIMITS.memory_bytes)
    assert (tmp_path / "pids" / "pids.max").read_text() == "41"
    assert int((tmp_path / "cpu" / "cpu.shares").read_text()) < 1024
    (tmp_path / "pids" / "pids.events").write_text("max 3\n")
    assert group.seen().hit == "processes"


def test_kernel_that_does_not_count_swap_bounds_the_rest(tmp_path: Path) -> None:
    folders = {"memory": tmp_path / "memory"}
    group_of(Version1(Mounts("", "")), folders, {"memory": ("memory.limit_in_bytes",)})
    assert not (tmp_path / "memory" / "memory.memsw.limit_in_bytes").exists()


def test_removed_group_may_be_removed_again(tmp_path: Path) -> None:
    group = Group(Version2(Mounts("", "")), {"memory": tmp_path / "group"})
    (tmp_path / "group").mkdir()
    group.remove()
    group.remove()
    assert not (tmp_path / "group").exists()
