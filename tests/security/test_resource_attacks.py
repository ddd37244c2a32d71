"""Code that takes more than its share: of memory, disk, processes, output, time.

Outside the sandbox these would take the test's host down with them: that they are attacks is not shown here.
"""

from dataclasses import replace

import pytest

from tests.support.boxed import Box, new_marker, processes_with
from tools import identity
from tools.contract import GIB, MIB, Limits

SMALL = Limits(
    wall_s=20,
    cpu_s=2,
    memory_bytes=300 * MIB,
    processes=40,
    file_bytes=20 * MIB,
    workspace_bytes=40 * MIB,
)
# Thousands of names may cost a busy host more processor time than the other attacks are given.
MANY_NAMES = replace(SMALL, workspace_files=1000, cpu_s=20)


def test_fork_bomb_is_bounded_and_ends(box: Box) -> None:
    marker = new_marker()
    code = f"""
import os, sys
while True:
    try:
        if os.fork() == 0:
            os.setsid()
    except OSError:
        os.execvp("sleep", ["sleep", "{marker}"])
"""
    finished = box.python(code, limits=Limits(wall_s=2, processes=40))
    assert (finished.exit_code, finished.hit) == (124, "wall_s")
    assert finished.resources.processes_peak <= 40
    assert finished.resources.processes_killed > 20
    assert processes_with(marker) == []


def test_threads_count_as_processes(box: Box) -> None:
    code = "import threading, time\nfor _ in range(100): threading.Thread(target=time.sleep, args=(1,)).start()"
    finished = box.python(code, limits=SMALL)
    assert finished.exit_code == 1
    assert finished.hit == "processes"


def test_one_process_cannot_hold_more_than_its_memory(box: Box) -> None:
    finished = box.python("held = bytearray(1_000_000_000)", limits=SMALL)
    assert (finished.exit_code, finished.hit) == (1, "memory_bytes")


def test_many_processes_cannot_hold_more_together(box: Box) -> None:
    code = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        break
held = bytearray(os.urandom(1) * 100_000_000)
time.sleep(30)
"""
    finished = box.python(code, limits=SMALL)
    assert (finished.exit_code, finished.hit) == (137, "memory_bytes")


def test_shared_memory_is_counted(box: Box) -> None:
    code = """
import mmap, time
held = mmap.mmap(-1, 500_000_000)
for _ in range(450):
    held.write(bytes(1_000_000))
time.sleep(30)
"""
    finished = box.python(code, limits=SMALL)
    assert (finished.exit_code, finished.hit) == (137, "memory_bytes")


def test_temporary_files_are_bounded(box: Box) -> None:
    code = """
def fill(folder):
    written = 0
    try:
        for number in range(100):
            with open(f"{folder}/{number}", "wb") as file:
                written += file.write(bytes(10_000_000))
    except OSError:
        pass
    return written
print(fill("/tmp") < 300_000_000, fill("/dev/shm") < 100_000_000)
"""
    assert box.python(code).stdout.text == "True True\n"


def test_one_file_cannot_outgrow_its_limit(box: Box) -> None:
    finished = box.python("open('big', 'wb').write(bytes(100_000_000))", limits=SMALL)
    assert (finished.exit_code, finished.hit) == (1, "file_bytes")
    assert box.workspace.entry("big").size <= SMALL.file_bytes


def test_many_files_cannot_outgrow_the_workspace(box: Box) -> None:
    code = """
import time
for number in range(10_000):
    open(f"output/{number}", "wb").write(bytes(4_000_000))
    time.sleep(0.05)
"""
    finished = box.python(code, limits=SMALL)
    assert (finished.exit_code, finished.hit) == (137, "workspace_bytes")


def test_files_hidden_below_closed_folders_count(box: Box) -> None:
    code = """
import os, time
os.makedirs("a/b")
for number in range(10):
    open(f"a/b/{number}", "wb").write(bytes(9_000_000))
os.chmod("a/b", 0)
time.sleep(30)
"""
    finished = box.python(code, limits=SMALL)
    assert (finished.exit_code, finished.hit) == (137, "workspace_bytes")


def test_closed_workspace_does_not_stop_the_watch(box: Box) -> None:
    """And the tool that comes next can use it again."""
    finished = box.run("sh", "-c", "echo x > made; chmod 000 .; sleep 2.5", limits=SMALL)
    assert (finished.exit_code, finished.hit) == (0, None)
    assert box.workspace.read_bytes("made") == b"x\n"


def test_tree_too_deep_to_be_counted_is_over_the_limit(box: Box) -> None:
    code = "import os, time\nfor _ in range(100): os.mkdir('d'); os.chdir('d')\ntime.sleep(30)"
    finished = box.python(code, limits=SMALL)
    assert (finished.exit_code, finished.hit) == (137, "workspace_files")


def test_processor_time_of_all_processes_is_bounded(box: Box) -> None:
    code = "import os\nos.fork()\nwhile True: pass"
    finished = box.python(code, limits=SMALL)
    assert finished.hit == "cpu_s"
    assert finished.resources.cpu_s < 8


def test_flood_on_both_streams_is_ended(box: Box) -> None:
    finished = box.run("sh", "-c", "yes & yes >&2")
    assert (finished.exit_code, finished.hit) == (137, "output_bytes")


def test_no_core_is_left_behind(box: Box) -> None:
    finished = box.python("import os; os.abort()")
    assert finished.exit_code == 128 + 6
    assert {entry.path for entry in box.workspace.list()} == {"README.md", "output", "research", "src"}


def test_setuid_file_left_behind_is_nobodys_of_consequence(box: Box) -> None:
    box.run("sh", "-c", "cp /bin/sh shell && chmod 6755 shell")
    planted = (box.workspace.path / "shell").stat()
    assert planted.st_uid != 0
    if identity.drops_uid():
        assert planted.st_uid in identity.UIDS


def test_what_a_command_left_behind_is_counted(box: Box) -> None:
    marker = new_marker()
    finished = box.run("sh", "-c", f"sleep {marker} & setsid sleep {marker} & (sleep {marker} &) ; exit 3")
    assert (finished.exit_code, finished.hit, finished.resources.processes_killed) == (3, None, 3)
    assert processes_with(marker) == []


def test_command_that_left_nothing_behind_had_nothing_killed(box: Box) -> None:
    finished = box.run("sh", "-c", "(true &); true & wait; sleep 0.1")
    assert (finished.exit_code, finished.resources.processes_killed) == (0, 0)


def test_many_names_are_over_the_limit(box: Box) -> None:
    code = "import time\nfor number in range(5000): open(f'output/{number}', 'w').close()\ntime.sleep(30)"
    finished = box.python(code, limits=MANY_NAMES)
    assert (finished.exit_code, finished.hit) == (137, "workspace_files")


def test_names_of_one_file_count_each(box: Box) -> None:
    code = """
import os, time
open("a", "w").close()
for number in range(5000):
    os.link("a", f"output/{number}")
time.sleep(30)
"""
    finished = box.python(code, limits=MANY_NAMES)
    assert (finished.exit_code, finished.hit) == (137, "workspace_files")


def test_names_of_temporary_files_count(box: Box) -> None:
    code = """
import os, time
for number in range(5000):
    open(os.environ["TMPDIR"] + f"/{number}", "w").close()
time.sleep(30)
"""
    finished = box.python(code, limits=MANY_NAMES)
    assert (finished.exit_code, finished.hit) == (137, "workspace_files")


def test_writing_over_and_over_is_bounded(box: Box) -> None:
    code = """
part = bytes(10_000_000)
while True:
    with open("output/same", "wb", buffering=0) as file:
        file.write(part)
"""
    finished = box.python(code, limits=replace(SMALL, cpu_s=20, written_bytes=200 * MIB))
    assert (finished.exit_code, finished.hit) == (137, "written_bytes")


def test_written_by_processes_that_ended_counts(box: Box) -> None:
    code = """
import os
while True:
    if os.fork() == 0:
        with open("output/same", "wb", buffering=0) as file:
            file.write(bytes(10_000_000))
        os._exit(0)
    os.wait()
"""
    finished = box.python(code, limits=replace(SMALL, cpu_s=20, written_bytes=200 * MIB))
    assert (finished.exit_code, finished.hit) == (137, "written_bytes")


def test_fast_writer_is_stopped_near_the_limit(box: Box) -> None:
    code = """
part = bytes(1_000_000)
with open("big", "wb", buffering=0) as file:
    for _ in range(4000):
        file.write(part)
import time
time.sleep(30)
"""
    finished = box.python(code, limits=replace(SMALL, file_bytes=4 * GIB, workspace_bytes=100 * MIB, cpu_s=20))
    assert (finished.exit_code, finished.hit) == (137, "workspace_bytes")
    # Written at once it would be 4 GB by the time of a look each second.
    assert box.workspace.entry("big").size < 2 * GIB


def test_space_taken_without_a_write_counts(box: Box) -> None:
    code = """
import os, time
for number in range(10):
    with open(f"output/{number}", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 10_000_000)
time.sleep(30)
"""
    finished = box.python(code, limits=SMALL)
    assert (finished.exit_code, finished.hit) == (137, "workspace_bytes")


@pytest.mark.not_on_tier(3, "its temporary folder may be on disk, where it counts as the workspace does")
def test_full_temporary_folder_is_named_as_what_raises_it(box: Box) -> None:
    code = "import os\nopen(os.environ['TMPDIR'] + '/big', 'wb').write(bytes(70_000_000))"
    finished = box.python(code, limits=replace(SMALL, file_bytes=GIB))
    assert (finished.exit_code, finished.hit) == (1, "memory_bytes")


@pytest.mark.not_on_tier(3, "its temporary folder may be on disk, where it counts as the workspace does")
def test_temporary_files_and_processes_share_the_memory(box: Box) -> None:
    code = """
import os, time
with open(os.environ["TMPDIR"] + "/held", "wb") as file:
    file.write(bytes(60_000_000))
for _ in range(3):
    if os.fork() == 0:
        break
held = bytearray(os.urandom(1) * 64_000_000)
time.sleep(30)
"""
    finished = box.python(code, limits=replace(SMALL, file_bytes=GIB))
    assert (finished.exit_code, finished.hit) == (137, "memory_bytes")


def test_quick_processes_that_nobody_waits_for_are_bounded_in_time(box: Box) -> None:
    """Their CPU time is handed up to nobody."""
    code = """
import os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    try:
        if os.fork() == 0:
            for _ in range(10**6):
                pass
            os._exit(0)
    except OSError:
        pass
"""
    assert box.python(code, limits=replace(SMALL, wall_s=3)).hit in ("cpu_s", "wall_s", "processes")


def test_stopped_processes_end_with_their_call(box: Box) -> None:
    marker = new_marker()
    script = f"sleep {marker} & kill -STOP $!; setsid sh -c 'kill -STOP $$; sleep {marker}' & sleep 0.2"
    finished = box.run("sh", "-c", script)
    assert (finished.exit_code, finished.resources.processes_killed) == (0, 2)
    assert processes_with(marker) == []


@pytest.mark.not_on_tier(3, "the command may end its call: nothing of it is left then")
def test_first_process_cannot_be_ended_or_stopped_from_inside(box: Box) -> None:
    finished = box.run("sh", "-c", "kill -KILL 1 $PPID; kill -STOP 1 $PPID; sleep 0.2; echo still here")
    assert (finished.exit_code, finished.stdout.text) == (0, "still here\n")


def test_whoever_ends_the_first_process_ends_the_call(box: Box) -> None:
    marker = new_marker()
    script = f"setsid sleep {marker} & kill -STOP $PPID; kill -KILL $PPID; sleep 0.2; exec sleep {marker}"
    box.run("sh", "-c", script, limits=Limits(wall_s=2))
    assert processes_with(marker) == []
