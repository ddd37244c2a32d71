"""Another process swaps files, folders, links and pipes while the trusted side looks: nothing of the host is met.

The control shows that the swapping does what it should: looking first and opening then loses to it.
"""

import io
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from models.errors import OpsCoreError
from tests.security.hostile_trees import SECRET
from tools.contract import MIB
from tools.history import History
from tools.workspace import Workspace
from webapp import preview
from webapp.zip_stream import zipped

TRIES_FOR_S = 0.8
# What the swapping shows only now and then must be met once: on a busy machine that may take a while.
AT_MOST_S = 60

# In the folder argv[1], for ever: `x` is a file, a link to the secret, a pipe, a folder; `d` a folder or a link.
SWAPPER = """
import os, sys
os.chdir(sys.argv[1])
host = sys.argv[2]
def put(name, make):
    try:
        make("new-" + name)
        if os.path.lexists(name):
            os.rename(name, "old-" + name)
        os.rename("new-" + name, name)
    except OSError:
        pass
    for left in ("new-" + name, "old-" + name):
        try:
            os.unlink(left)
        except OSError:
            try:
                for inner in os.listdir(left): os.unlink(left + "/" + inner)
                os.rmdir(left)
            except OSError:
                pass
def write(name):
    with open(name, "w") as file: file.write("mine")
def folder(name):
    os.mkdir(name)
    write(name + "/secret.txt")
while True:
    put("x", write)
    put("d", folder)
    put("x", lambda new: os.symlink(host + "/secret.txt", new))
    put("d", lambda new: os.symlink(host, new))
    put("x", write)
    put("x", lambda new: os.mkfifo(new))
    put("x", folder)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspaces", "w1", "# A task\n")


@contextmanager
def swapping(workspace: Workspace, host: Path) -> Iterator[None]:
    """While this lasts, a process swaps what is in output/."""
    command = [sys.executable, "-I", "-S", "-c", SWAPPER, str(workspace.path / "output"), str(host)]
    with subprocess.Popen(command) as swapper:
        try:
            yield
        finally:
            swapper.kill()


def tries(
    act: Callable[[], bytes | None], for_s: float = TRIES_FOR_S, at_least: int = 11, until_met: bytes = b""
) -> set[bytes]:
    """What was seen when it was not refused: for that long, and on until it was tried and `until_met` seen in it."""
    count, seen, has_met = 0, set(), not until_met
    begun = time.monotonic()
    while (tried_for := time.monotonic() - begun) < for_s or count < at_least or not has_met:
        if tried_for > AT_MOST_S:
            pytest.fail(f"{count} tries in {AT_MOST_S} s, and saw only {seen}")
        count += 1
        with suppress(OpsCoreError):
            data = act()
            if data is not None:
                seen.add(data)
                has_met = has_met or until_met in data
    return seen


def assert_no_leak(seen: set[bytes]) -> None:
    assert not any(SECRET in data for data in seen)


def test_looking_first_and_opening_then_meets_the_secret(workspace: Workspace, host: Path) -> None:
    """The control."""
    path = workspace.path / "output" / "d"

    def naive() -> bytes:
        try:
            if path.resolve() != path:
                raise OpsCoreError("cannot follow a link")
            return (path / "secret.txt").read_bytes()
        except OSError as error:
            raise OpsCoreError("cannot read it") from error

    with swapping(workspace, host):
        assert SECRET in tries(naive, until_met=SECRET)


@pytest.mark.parametrize("path", ["output/x", "output/d/secret.txt", "output/x/secret.txt"])
def test_reading(workspace: Workspace, host: Path, path: str) -> None:
    with swapping(workspace, host):
        seen = tries(lambda: workspace.read_bytes(path), until_met=b"mine")
    assert seen - {b""} == {b"mine"}


def test_preview(workspace: Workspace, host: Path) -> None:
    with swapping(workspace, host):
        seen = tries(lambda: repr(preview.of(workspace, "output/x")).encode(), until_met=b"mine")
    assert_no_leak(seen)


def test_listing(workspace: Workspace, host: Path) -> None:
    def listed() -> bytes:
        return repr(sorted({entry.path for entry in (*workspace.walk(), *workspace.list("output/d"))})).encode()

    with swapping(workspace, host):
        tries(listed, until_met=b"output/d/secret.txt")


@pytest.mark.parametrize("path", ["output/x", "output/d/secret.txt", "output/d/made/by/us"])
@pytest.mark.parametrize("append", [True, False])
def test_writing(workspace: Workspace, host: Path, path: str, append: bool) -> None:
    with swapping(workspace, host):
        tries(lambda: bytes(min(workspace.write_bytes(path, b"mine", append=append), 8)), 0.4)


@pytest.mark.parametrize("path", ["output/x", "output/d", "output/d/secret.txt"])
def test_deleting(workspace: Workspace, host: Path, path: str) -> None:
    with swapping(workspace, host):
        tries(lambda: bytes(workspace.delete(path)), 0.4)


def test_moving(workspace: Workspace, host: Path) -> None:
    def there_and_back() -> None:
        workspace.move("output/d/secret.txt", "src/moved")
        assert workspace.read_bytes("src/moved") in (b"mine", b"")
        workspace.delete("src/moved")

    with swapping(workspace, host):
        tries(there_and_back)
    assert not workspace.exists("src/moved") or workspace.entry("src/moved").kind != "folder"


def test_snapshot_and_restore(workspace: Workspace, host: Path, tmp_path: Path) -> None:
    history = History(tmp_path / "history")
    again = Workspace.create(tmp_path / "workspaces", "again")

    def kept_and_restored() -> None:
        history.restore(history.snapshot(workspace).id, again)

    with swapping(workspace, host):
        tries(kept_and_restored, at_least=3)
        with suppress(OpsCoreError):
            history.restore(history.snapshot(again).id, workspace)
    kept = [path for path in history.folder.rglob("*") if path.is_file()]
    assert kept
    assert not any(SECRET in path.read_bytes() for path in kept)


def test_archive(workspace: Workspace, host: Path) -> None:
    def contents() -> bytes:
        with zipfile.ZipFile(io.BytesIO(b"".join(zipped(workspace, MIB)))) as archive:
            return b"".join(archive.read(info) for info in archive.infolist())

    with swapping(workspace, host):
        seen = tries(contents, until_met=b"mine")
    assert_no_leak(seen)


def test_removal_while_something_writes_ends_and_removes_no_more(workspace: Workspace, host: Path) -> None:
    with swapping(workspace, host), suppress(OpsCoreError):
        workspace.remove()
    workspace.remove()
    assert not workspace.path.exists()


def test_removal_waits_for_a_writer_that_comes_to_its_end(workspace: Workspace) -> None:
    """What a step left in the background may still write when its folder is deleted."""
    code = """
import os, time
os.chdir("output")
print(flush=True)
until = time.monotonic() + 0.1
while time.monotonic() < until:
    try:
        open("again", "w").close()
    except OSError:
        break
"""
    command = [sys.executable, "-I", "-S", "-c", code]
    with subprocess.Popen(command, cwd=workspace.path, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        workspace.remove()
    assert not os.path.lexists(workspace.path)
