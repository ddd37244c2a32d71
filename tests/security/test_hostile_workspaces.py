"""Workspaces made to turn the trusted side against its host: tools, history, clean-up.

What the sandbox leaves behind is read by the worker and the web outside of it.
"""

import io
import os
import socket
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from models.errors import InvalidInput, NotFound
from tests.support.boxed import Box
from tools.contract import MIB, Limits
from tools.history import History
from tools.registry import find
from tools.workspace import Workspace

# The trusted side alone is asked: the tier makes no difference to it.
WITHOUT_TIER = pytest.mark.parametrize("chosen", [1], indirect=True, ids=["trusted"])


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the host outside of every workspace."""
    path = tmp_path / "host" / "secret.txt"
    path.parent.mkdir()
    path.write_text("sesame")
    return path


@WITHOUT_TIER
@pytest.mark.parametrize("place", ["README.md", "output/x", "src/deep/er"])
def test_link_to_a_file_of_the_host_is_not_read(box: Box, secret: Path, place: str) -> None:
    link = box.workspace.path / place
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(secret)
    with pytest.raises(InvalidInput, match="link"):
        box.tool("files.read", path=place)


@WITHOUT_TIER
def test_link_to_a_folder_of_the_host_is_not_entered(box: Box, secret: Path) -> None:
    (box.workspace.path / "out").symlink_to(secret.parent)
    for call in (
        lambda: box.tool("files.read", path="out/secret.txt"),
        lambda: box.tool("files.write", path="out/secret.txt", text="owned"),
        lambda: box.tool("files.write", path="out/new/file.txt", text="owned"),
        lambda: box.tool("files.list", path="out"),
        lambda: box.tool("files.move", source="README.md", target="out/README.md"),
        lambda: box.tool("files.move", source="out/secret.txt", target="mine"),
        lambda: box.tool("files.delete", path="out/secret.txt"),
        lambda: box.workspace.copy_in(secret, "out"),
    ):
        with pytest.raises(InvalidInput):
            call()
    assert secret.read_text() == "sesame"
    assert [path.name for path in secret.parent.iterdir()] == ["secret.txt"]


@WITHOUT_TIER
def test_writing_over_a_link_replaces_the_link(box: Box, secret: Path) -> None:
    (box.workspace.path / "x").symlink_to(secret)
    box.tool("files.write", path="x", text="mine")
    assert secret.read_text() == "sesame"
    assert box.workspace.read_bytes("x") == b"mine"


@WITHOUT_TIER
def test_deleting_a_link_leaves_what_it_points_to(box: Box, secret: Path) -> None:
    (box.workspace.path / "x").symlink_to(secret.parent)
    box.tool("files.delete", path="x")
    assert secret.exists()


@WITHOUT_TIER
def test_second_name_of_a_file_of_the_host_is_not_read_nor_added_to(box: Box, secret: Path) -> None:
    (box.workspace.path / "x").hardlink_to(secret)
    with pytest.raises(InvalidInput, match="one link"):
        box.tool("files.read", path="x")
    with pytest.raises(InvalidInput, match="one link"):
        box.tool("files.write", path="x", text="owned", append=True)
    assert secret.read_text() == "sesame"


@WITHOUT_TIER
def test_pipe_and_socket_do_not_hold_a_reader_up(box: Box) -> None:
    os.mkfifo(box.workspace.path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        # By way of the folder's descriptor: the path itself is too long for a socket.
        with box.workspace.root() as root:
            server.bind(f"/proc/self/fd/{root}/socket")
        for name in ("pipe", "socket"):
            with pytest.raises(InvalidInput):
                box.tool("files.read", path=name)


@WITHOUT_TIER
@pytest.mark.parametrize(
    "path", ["../host/secret.txt", "/etc/passwd", "src/../../x", "a\0b", "x" * 300, "d/" * 70 + "x"]
)
def test_path_that_leads_out_or_nowhere_is_refused(box: Box, path: str) -> None:
    for call in (box.workspace.read_bytes, box.workspace.entry, box.workspace.delete, box.workspace.make_folder):
        with pytest.raises((InvalidInput, NotFound)):
            call(path)


@WITHOUT_TIER
def test_copying_in_follows_no_link_of_the_input(box: Box, secret: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "link.txt").symlink_to(secret)
    (given / "folder").symlink_to(secret.parent)
    (given / "honest.txt").write_text("honest")
    os.mkfifo(given / "pipe")
    assert box.workspace.copy_in(given) == ["src/input/honest.txt"]


@WITHOUT_TIER
def test_history_keeps_links_as_links_and_special_files_out(box: Box, secret: Path, tmp_path: Path) -> None:
    (box.workspace.path / "link").symlink_to(secret)
    (box.workspace.path / "double").hardlink_to(secret)
    os.mkfifo(box.workspace.path / "pipe")
    history = History(tmp_path / "history")
    snapshot = history.snapshot(box.workspace)
    assert set(snapshot.left_out) == {"double", "pipe"}
    assert not any(b"sesame" in file.read_bytes() for file in (tmp_path / "history").rglob("*") if file.is_file())
    restored = Workspace.create(tmp_path / "workspaces", "restored")
    history.restore(snapshot.id, restored)
    assert (restored.path / "link").is_symlink()


@WITHOUT_TIER
def test_history_runs_nothing_that_a_repository_asks_for(box: Box, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    box.workspace.write_bytes(
        ".git/config", f"[core]\n\tfsmonitor = touch {proof}\n\thooksPath = .git/hooks\n".encode()
    )
    box.workspace.write_bytes(".git/hooks/post-checkout", f"#!/bin/sh\ntouch {proof}\n".encode())
    box.workspace.write_bytes(".gitattributes", b"* filter=owned\n")
    history = History(tmp_path / "history")
    first = history.snapshot(box.workspace)
    box.workspace.write_bytes("a.txt", b"a")
    second = history.snapshot(box.workspace)
    history.compare(first.id, second.id)
    history.diff(first.id, second.id, "a.txt")
    history.restore(first.id, box.workspace)
    assert not proof.exists()
    assert history.read(first.id, ".git/hooks/post-checkout").startswith(b"#!/bin/sh")


def test_snapshot_id_is_no_path(tmp_path: Path, secret: Path) -> None:
    history = History(tmp_path / "history")
    for name in ("../../host/secret", "/etc/passwd", "", "f" * 39):
        with pytest.raises(InvalidInput):
            history.read(name, "x")


def test_tree_of_any_depth_is_cleaned_up(box: Box) -> None:
    code = """
import os
for _ in range(3000):
    os.mkdir("d" * 50)
    os.chdir("d" * 50)
open("bottom", "w").write("x")
"""
    finished = box.python(code)
    # Such a depth is an attack: where the watchdog looks in time, the program does not come to its end.
    assert finished.exit_code == 0 or finished.hit in ("workspace_bytes", "workspace_files")
    box.workspace.remove()
    assert not box.workspace.path.exists()


def test_tree_that_its_owner_closed_is_listed_kept_and_cleaned_up(box: Box, tmp_path: Path) -> None:
    script = "mkdir -p a/b; echo x > a/b/c; echo y > a/shut; chmod 000 a/shut a/b/c a/b a; chmod 000 ."
    assert box.run("sh", "-c", script).exit_code == 0
    assert "a/b/c" in {entry.path for entry in box.workspace.walk()}
    history = History(tmp_path / "history")
    snapshot = history.snapshot(box.workspace)
    assert snapshot.left_out == ()
    assert history.read(snapshot.id, "a/b/c") == b"x\n"
    box.workspace.remove()
    assert not box.workspace.path.exists()


@WITHOUT_TIER
def test_clean_up_follows_no_link(box: Box, secret: Path) -> None:
    (box.workspace.path / "src" / "out").symlink_to(secret.parent)
    box.workspace.remove()
    assert secret.read_text() == "sesame"


@WITHOUT_TIER
def test_folder_with_very_many_entries_is_listed_in_part_and_cleaned_up(box: Box) -> None:
    code = "for number in range(20_000): open(f'output/{number}', 'w').close()"
    assert box.python(code, limits=Limits(wall_s=120)).exit_code == 0
    assert len(box.workspace.list("output", limit=100)) == 100
    box.workspace.remove()
    assert not box.workspace.path.exists()


def test_names_that_are_no_text_are_shown_safely(box: Box, tmp_path: Path) -> None:
    box.python(r"import os; open(b'output/\xff\x1b[31m', 'w').close(); open('output/\n<script>', 'w').close()")
    shown = [entry.path for entry in box.workspace.list("output")]
    assert "output/\\xff\x1b[31m" in shown
    for path in shown:
        path.encode()
    first = History(tmp_path / "history").snapshot(box.workspace)
    assert first.left_out == ()


def unpack(box: Box, data: bytes) -> None:
    box.workspace.write_bytes("src/a", data)
    limits = Limits(wall_s=20, workspace_bytes=30 * MIB)
    tool = find("archive.unpack")
    tool.run(tool.parse({"archive": "src/a", "into": "src/input"}), box.context(limits=limits))


def names(box: Box) -> set[str]:
    return {entry.path for entry in box.workspace.walk() if entry.kind != "folder"} - {"src/a", "README.md"}


def test_zip_whose_names_lead_out_stays_inside(box: Box) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("../../evil", "/tmp/opscore-evil", "a/../../../evil", "good"):
            archive.writestr(name, "x")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    unpack(box, buffer.getvalue())
    assert names(box) == {"src/input/good"}
    assert not Path("/tmp/opscore-evil").exists()


def test_tar_with_links_and_devices_leaves_them_out(box: Box) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, target in (
            ("out", tarfile.SYMTYPE, "/etc"),
            ("hard", tarfile.LNKTYPE, "README.md"),
            ("disk", tarfile.BLKTYPE, ""),
            ("pipe", tarfile.FIFOTYPE, ""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
        through = tarfile.TarInfo("out/passwd")
        through.size, through.mode = 1, 0o6777
        archive.addfile(through, io.BytesIO(b"x"))
    unpack(box, buffer.getvalue())
    assert names(box) == {"src/input/out/passwd"}
    assert not (box.workspace.path / "src/input/out/passwd").stat().st_mode & (stat.S_ISUID | stat.S_ISGID)


def test_archive_that_is_a_bomb_is_stopped(box: Box) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"{number}", bytes(10 * MIB))
    assert len(buffer.getvalue()) < MIB
    unpack(box, buffer.getvalue())
    assert sum(entry.size for entry in box.workspace.walk("src/input")) <= 31 * MIB


def test_allow_list_is_no_boundary_but_the_sandbox_is(box: Box, secret: Path) -> None:
    """`find` runs any program, as the docs say; what it runs still sees nothing of the host."""
    through = box.tool("terminal.run", command=["find", ".", "-name", "README.md", "-exec", "id", "-u", ";"])
    assert through.stdout.text == box.run("id", "-u").stdout.text
    held = box.tool("terminal.run", command=["find", ".", "-name", "README.md", "-exec", "cat", str(secret), ";"])
    assert "sesame" not in held.stdout.text
