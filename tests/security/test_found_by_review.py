"""What a review of the sandbox found: each was a way to do harm, and is shown here to be none any more."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import cast

import psutil
import pytest

from models.errors import InvalidInput
from tests.support.boxed import Box, a_gone_worker, new_marker, processes_with
from tools.command import last_object
from tools.confine import serving
from tools.confine.broker import Broker
from tools.confine.notices import Held
from tools.contract import MIB, Captured, Limits
from tools.packages import lock, take
from tools.sandbox import disk
from tools.sandbox.leftovers import end_leftovers
from tools.sandbox.running import Running
from tools.sandbox.streams import Streams
from tools.sandbox.worker_name import is_gone, worker_name

SMALL = Limits(wall_s=20, cpu_s=2, workspace_bytes=40 * MIB, written_bytes=60 * MIB)


class _Pipes:
    """As `Running`, without a process."""

    def __init__(self) -> None:
        stdin, self.stdin = os.pipe()
        self.stdout, self.out = os.pipe()
        self.stderr, self.err = os.pipe()
        self.ended, never = os.pipe()
        self.control = os.dup(self.ended)
        self.all = [stdin, self.stdout, self.out, self.stderr, self.err, self.ended, never, self.control]

    def close_stdin(self) -> None:
        os.close(self.stdin)


@pytest.mark.parametrize(
    "name",
    [f"{'1' * 300}-1", f"{'9' * 5000}-1", f"1-{'9' * 5000}"],
)
def test_no_word_of_a_command_stops_the_search_for_leftovers(name: str) -> None:
    assert is_gone(a_gone_worker())
    assert not is_gone(a_gone_worker().replace("9999999-0", name))


def test_worker_of_a_container_is_not_taken_for_gone_on_its_host() -> None:
    """Its pid counts there; here it is another's, and its calls would be killed."""
    elsewhere = Path("/proc/self/ns/pid").stat().st_ino + 1
    assert not is_gone(f"opscore-worker-9999999-0-{elsewhere}")


def test_sandbox_is_no_leftover_for_what_its_task_is_called(box: Box) -> None:
    marker = new_marker()
    looked: list[str] = []

    def look(_: str, chunk: bytes) -> None:
        assert processes_with(marker)
        end_leftovers()
        looked.append(chunk.decode())

    title = {"OPSCORE_TASK_TITLE": a_gone_worker()}
    command = ("sh", "-c", f"echo ready; sleep 0.5; : {marker}", a_gone_worker())
    finished = box.run(*command, env=title, emit=look)
    assert (finished.exit_code, looked) == (0, ["ready\n"])
    assert worker_name() != a_gone_worker()


def test_variables_are_in_no_command_line_of_the_host(box: Box) -> None:
    secret = new_marker()
    seen: list[int] = []

    def look(_: str, __: bytes) -> None:
        seen.append(len(list(psutil.process_iter())))
        assert processes_with(secret) == []

    finished = box.run("sh", "-c", "echo $TOKEN; sleep 0.3", env={"TOKEN": secret}, emit=look)
    assert finished.stdout.text == f"{secret}\n"
    assert seen


def test_command_that_reads_its_own_output_is_no_error_of_ours() -> None:
    pipes = _Pipes()

    def steal(name: str, _: bytes) -> None:
        other = pipes.stderr if name == "stdout" else pipes.stdout
        assert os.read(other, 10) == b"x"

    streams = Streams(cast("Running", pipes), b"", steal)
    os.write(pipes.out, b"x")
    os.write(pipes.err, b"x")
    assert not streams.move(0)
    streams.close()
    assert streams.total_bytes == 1
    for descriptor in pipes.all:
        os.close(descriptor)


def test_disk_space_cannot_be_taken_for_files_without_a_name(box: Box) -> None:
    code = """
import ctypes, fcntl, os, struct, time
def taken():
    return os.fstat(held).st_blocks * 512
libc = ctypes.CDLL(None, use_errno=True)
held = os.open("gone", os.O_RDWR | os.O_CREAT)
os.unlink("gone")
print(libc.fallocate(held, 0, ctypes.c_long(0), ctypes.c_long(30 << 20)), taken())
for request in (0x40305828, 0x4030582A):
    try:
        fcntl.ioctl(held, request, struct.pack("hhqqiI16x", 0, 0, 0, 30 << 20, 0, 0))
    except OSError:
        print("refused", taken())
os.posix_fallocate(held, 0, 1 << 20)
print("by writing", taken() >= 1 << 20)
"""
    finished = box.python(code, limits=SMALL)
    assert finished.stdout.text.splitlines() == ["-1 0", "refused 0", "refused 0", "by writing True"], finished


def test_requests_that_step_around_the_workspace_are_refused(box: Box) -> None:
    code = """
import errno, fcntl
def answered(call, *request):
    try:
        call(*request)
    except OSError as error:
        return errno.errorcode[error.errno]
file = open("file", "w")
snapshots = (0x50009401, 0x5000940E, 0x5000940F, 0x50009417, 0x50009418, 0x5000943F, 0x4008941A)
print({answered(fcntl.ioctl, file, each) for each in snapshots})
print(answered(fcntl.ioctl, file, 0x9400))
print({answered(fcntl.fcntl, file, each, fcntl.F_RDLCK) for each in (1024, 1040)})
"""
    finished = box.python(code)
    assert finished.stdout.text.splitlines() == ["{'EPERM'}", "ENOTTY", "{'EPERM'}"], finished


def test_process_that_cannot_be_looked_at_does_not_write_uncounted(box: Box) -> None:
    code = """
import ctypes, os, shutil, sys, time
if sys.argv[1:] == ["prctl"]:
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
else:
    shutil.copyfile("/bin/dd", "mydd")
    os.chmod("mydd", 0o111)
    os.execv("mydd", ["mydd", "if=/dev/zero", "of=/dev/null", "bs=1M", "count=90000000"])
for _ in range(10):
    held = os.open("gone", os.O_WRONLY | os.O_CREAT)
    os.unlink("gone")
    os.write(held, bytes(20 << 20))
time.sleep(10)
"""
    # Nothing is hidden from root.
    for way, hit in (("prctl", "written_bytes"), ("exec", "written_bytes" if os.geteuid() else "cpu_s")):
        finished = box.python(code, way, limits=SMALL)
        assert finished.hit == hit, (way, finished)


@pytest.mark.not_on_tier(2, "no /proc to write to another process by")
@pytest.mark.not_on_tier(3, "no /proc to write to another process by")
def test_first_process_taken_over_still_counts(box: Box) -> None:
    code = """
import platform
counter = int(open("/proc/1/syscall").read().split()[-1], 16)
for_ever = {"x86_64": b"\\xeb\\xfe", "aarch64": b"\\x00\\x00\\x00\\x14"}[platform.machine()]
with open("/proc/1/mem", "r+b", 0) as memory:
    memory.seek(counter)
    memory.write(for_ever)
print("taken over")
"""
    finished = box.python(code, limits=Limits(wall_s=60, cpu_s=1))
    assert finished.stdout.text == "taken over\n"
    assert finished.hit == "cpu_s", finished


def test_lock_file_with_a_number_too_long_is_damaged_and_no_fault_of_ours() -> None:
    line = f"six=={'1' * 5000} --hash=sha256:{'0' * 64}\n"
    with pytest.raises(InvalidInput):
        lock.parse(lock.MARK + "\n" + line)


def test_outer_process_of_tier_3_does_not_wait_for_what_it_is_asked_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, ask = os.pipe()
    served, may_go_on = threading.Event(), threading.Event()

    class Slow:
        def serve(self, _: object) -> None:
            served.set()
            may_go_on.wait(20)
            raise RuntimeError("not foreseen")

    failed = threading.Event()
    monkeypatch.setattr(Held, "next", lambda _: object())
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    os.write(ask, b"x")
    serving.begin(Held(asked, {}), cast("Broker", Slow()), failed.set)
    assert served.wait(5)
    assert not failed.is_set()
    may_go_on.set()
    assert failed.wait(5)
    os.close(asked)
    os.close(ask)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root: tried as an ordinary user")
def test_folders_that_are_closed_all_the_time_are_counted(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").touch()
    closing = f"import os\nwhile True:\n for mode in (0, 0o400, 0o700): os.chmod({str(tmp_path / 'folder')!r}, mode)"
    closer = subprocess.Popen([sys.executable, "-c", closing])
    root = os.open(tmp_path, os.O_RDONLY)
    try:
        found = [disk.count(root, MIB, 10) for _ in range(3000)]
    finally:
        os.close(root)
        closer.kill()
        closer.wait()
        (tmp_path / "folder").chmod(0o700)
    assert {each.names for each in found if not each.is_too_deep} == {2}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "[1e400]", "1" * 5000])
def test_no_number_of_a_commands_result_is_one_that_no_database_takes(number: str) -> None:
    line = f'{{"a": {number}}}'.encode()
    assert last_object(Captured(line, b"", len(line))) is None


def test_folder_in_the_place_of_a_packages_list_of_files_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "evil-1.dist-info" / "RECORD").mkdir(parents=True)
    assert take.sizes_of_packages(take.Taken(), tmp_path) == {}


def test_attributes_of_a_file_of_the_host_cannot_be_read(box: Box, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    try:
        os.setxattr(secret, "user.token", b"sesame")
    except OSError as error:
        assert error.errno == errno.EOPNOTSUPP
        pytest.skip("the file system of this host keeps no attributes")
    code = f"""
import errno
import os
for read in (lambda path: os.getxattr(path, "user.token"), os.listxattr):
    for follow in (True, False):
        try:
            print("open", read({str(secret)!r}))
        except OSError:
            print("closed")
"""
    assert box.python(code).stdout.text == "closed\n" * 4
