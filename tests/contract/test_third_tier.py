"""What is special to tier 3: no namespace hides the host, so what Landlock leaves open is kept in other ways.

The code inside runs as a user who owns files outside; as root that is the uid that a neighbour's workspace has too.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from models.errors import SandboxUnavailable, ToolFailed
from settings import PROJECT
from tests.support.boxed import Box, a_gone_worker, gone_within, new_marker
from tools import identity
from tools.contract import Limits
from tools.sandbox import choice, scratch
from tools.sandbox.confined import Confined
from tools.sandbox.worker_name import worker_name

_DROP_SYS_ADMIN = "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 21); os.execv(sys.executable, sys.argv[1:])"

# After a program's `tried`: prints the names of those that did not fail.
SAY_WHICH = """
done = []
for name, attempt in tried.items():
    try:
        attempt()
        done.append(name)
    except OSError:
        pass
print(done)
"""


@pytest.fixture
def third(box: Box) -> Box:
    """The box on tier 3, whatever it was made on."""
    return replace(box, sandbox=Confined())


@pytest.fixture
def neighbour(tmp_path: Path) -> Path:
    """A file outside that belongs to whom the code runs as."""
    folder = tmp_path / "neighbour"
    folder.mkdir()
    (folder / "file").write_text("mine")
    (folder / "file").chmod(0o640)
    identity.hand_over(folder)
    return folder / "file"


@pytest.fixture(params=[3], ids=["tier3"], scope="session")
def chosen(request: pytest.FixtureRequest) -> Confined:
    """These are about one tier."""
    choice.examine(Confined())
    return Confined()


def test_files_outside_keep_their_modes_times_and_names(third: Box, neighbour: Path) -> None:
    before = neighbour.stat()
    code = """
import ctypes, os, sys
path = sys.argv[1]
tried = {
    "chmod": lambda: os.chmod(path, 0o777),
    "chmod of its folder": lambda: os.chmod(os.path.dirname(path), 0o777),
    "fchmod": lambda: os.fchmod(os.open(path, os.O_PATH), 0o777),
    "chmod by descriptor": lambda: os.chmod(f"/proc/self/fd/{os.open(path, os.O_PATH)}", 0o777),
    "utime": lambda: os.utime(path, (1, 1)),
    "chown": lambda: os.chown(path, os.getuid(), os.getgid()),
    "setxattr": lambda: os.setxattr(path, "user.x", b"1"),
    "link": lambda: os.link(path, "stolen"),
    "rename": lambda: os.rename(path, "stolen"),
    "unlink": lambda: os.unlink(path),
    "truncate": lambda: os.truncate(path, 0),
    "read": lambda: open(path).read(),
}
"""
    assert third.python(code + SAY_WHICH, str(neighbour)).stdout.text == "[]\n"
    after = neighbour.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_nlink) == (before.st_mode, before.st_mtime_ns, 1)
    assert neighbour.read_text() == "mine"


def test_swapping_links_under_the_brokers_hands_changes_nothing_outside(third: Box, neighbour: Path) -> None:
    code = """
import os, sys, threading, time
os.mkdir("own"); open("own/file", "w").close(); os.symlink(os.path.dirname(sys.argv[1]), "away")
until, done = time.monotonic() + 1.5, 0
def swap():
    while time.monotonic() < until:
        os.rename("own", "spare"); os.rename("away", "own")
        os.rename("own", "away"); os.rename("spare", "own")
threading.Thread(target=swap).start()
while time.monotonic() < until:
    try:
        os.chmod("own/file", 0o777)
        done += 1
    except OSError:
        pass
print(done > 0)
"""
    assert third.python(code, str(neighbour)).stdout.text == "True\n"
    assert neighbour.stat().st_mode & 0o7777 == 0o640


def test_processes_outside_keep_their_limits_and_priorities(third: Box) -> None:
    code = """
import os, resource, signal, sys
pid = int(sys.argv[1])
tried = {
    "prlimit": lambda: resource.prlimit(pid, resource.RLIMIT_CPU, (1, 1)),
    "affinity": lambda: os.sched_setaffinity(pid, [0]),
    "priority": lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
    "priority of the user": lambda: os.setpriority(os.PRIO_USER, os.getuid(), 19),
    "signal": lambda: os.kill(pid, 0),
    "signal to the parent's parent": lambda: os.kill(int(sys.argv[2]), 0),
}
"""
    assert third.python(code + SAY_WHICH, str(os.getpid()), str(os.getppid())).stdout.text == "[]\n"


def test_temporary_files_go_with_the_call(third: Box) -> None:
    code = (
        "import os; t = os.environ['TMPDIR']; os.makedirs(f'{t}/a/b'); open(f'{t}/a/b/c', 'w'); os.chmod(f'{t}/a', 0)"
    )
    assert third.python(code).exit_code == 0
    assert list(scratch._above().glob(f"{worker_name()}-*")) == []


def test_temporary_files_are_counted(third: Box) -> None:
    code = """
import os, time
for number in range(200):
    with open(f"{os.environ['TMPDIR']}/{number}", "wb") as file:
        file.write(bytes(4_000_000))
    time.sleep(0.02)
"""
    finished = third.python(code, limits=Limits(wall_s=60, workspace_bytes=100_000_000, memory_bytes=300_000_000))
    assert finished.exit_code != 0
    assert finished.hit in ("workspace_bytes", "memory_bytes"), "on disk, or in memory where root has its own"


def test_folder_of_a_worker_that_is_gone_is_deleted_and_no_other() -> None:
    left = scratch._above() / f"{a_gone_worker()}-0123456789abcdef"
    lives = scratch._above() / f"{worker_name()}-0123456789abcdef"
    for folder in (left, lives):
        (folder / "tmp").mkdir(parents=True)
        identity.hand_over(folder)
    try:
        scratch.remove_of_gone_workers()
        assert (left.exists(), lives.exists()) == (False, True)
    finally:
        scratch.remove(lives)


def test_outer_process_that_is_killed_takes_the_command_with_it(third: Box) -> None:
    marker = new_marker()

    def says(process: psutil.Process, words: str) -> bool:
        try:
            return words in " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            return False  # one of those that only start others

    def kill_outer() -> bool:
        found = [child for child in psutil.Process().children() if says(child, "tools/confine")]
        started = any(says(below, marker) for each in found for below in each.children(recursive=True))
        if started:
            found[0].send_signal(signal.SIGKILL)
        return False

    with pytest.raises(ToolFailed, match="from outside"):
        third.run("sleep", marker, is_cancelled=kill_outer)
    assert gone_within(20, marker)


def test_network_is_refused_and_not_left_out(third: Box, tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="cannot reach the network"):
        third.run("true", socket=tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: there are no mounts to be without")
def test_root_without_mounts_says_what_it_cannot_reach(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    code = (
        "import json, sys; from pathlib import Path; from tools.sandbox import probe;"
        "print(json.dumps(probe(3, Path(sys.argv[1])).as_dict()))"
    )
    words = [sys.executable, "-c", _DROP_SYS_ADMIN, sys.executable, "-c", code, str(closed)]
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["tier"] == 4
    assert "cannot reach" in found["facts"]["tier_3"]
    assert "as an ordinary user" in found["facts"]["tier_3"]
