"""A worker that is killed in the middle of a call: soon nothing of the call is left, in memory and on disk neither.

The worker is a process of its own that works on the box's workspace, at the box's tier.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.boxed import Box, new_marker, processes_with
from tools.contract import MIB
from tools.sandbox import cgroup_choice
from tools.sandbox.worker_name import is_gone

PROJECT = Path(__file__).resolve().parents[2]
GONE_S = 2.0
"""On a host that has processors for all that wants to run; longer where several have to share one."""

WORKER = """
import sys
from pathlib import Path
from tools import interpreter
from tools.contract import Limits, ignore, never
from tools.sandbox.choice import at_tier
from tools.sandbox.contract import Call
from tools.sandbox.worker_name import worker_name
print(worker_name(), flush=True)
python = str(interpreter.base().executable)
call = Call((python, "-I", "-S", "-c", sys.argv[3]), Path(sys.argv[2]), limits=Limits(wall_s=60, processes=500))
at_tier(int(sys.argv[1])).run(call, emit=ignore, is_cancelled=never)
"""

FORK_BOMB = """
import os
open("begun", "w").close()
forked = 0
while forked < 3:
    try:
        forked += 1
        if os.fork() == 0:
            os.setsid()
            forked = 0
    except OSError:
        break
os.execvp("sleep", ["sleep", "{marker}"])
"""
DAEMON = """
import os, signal, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for descriptor in range(3):
            os.close(descriptor)
        os.execvp("sleep", ["sleep", "{marker}"])
    os._exit(0)
open("begun", "w").close()
os.execvp("sleep", ["sleep", "{marker}"])
"""
STOPPED = """
import os, signal
for number in range(4):
    if os.fork() == 0:
        os.setsid()
        os.kill(os.getpid(), signal.SIGSTOP)
        os.execvp("sleep", ["sleep", "{marker}"])
open("begun", "w").close()
os.execvp("sleep", ["sleep", "{marker}"])
"""
THREADS = """
import os, threading, time
for number in range(20):
    threading.Thread(target=time.sleep, args=(60,)).start()
if os.fork() == 0:
    os.execvp("sleep", ["sleep", "{marker}"])
open("begun", "w").close()
os.execvp("sleep", ["sleep", "{marker}"])
"""
WRITE = """
import os
open("begun", "w").close()
part = os.urandom(2**20)
with open("output/big", "wb") as file:
    for _ in range(1024):
        file.write(part)
        file.flush()
os.execvp("sleep", ["sleep", "{marker}"])
"""
MEMORY = """
import os
held = bytearray(os.urandom(1) * 700_000_000)
with open(os.environ["TMPDIR"] + "/held", "wb") as file:
    file.write(held[:50_000_000])
open("begun", "w").close()
if os.fork() == 0:
    os.execvp("sleep", ["sleep", "{marker}"])
while True:
    pass
"""


class Killed:
    """One worker, and what it was called."""

    def __init__(self, box: Box, code: str) -> None:
        self.box = box
        self.marker = new_marker()
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                WORKER,
                str(box.sandbox.tier),
                str(box.workspace.path),
                code.format(marker=self.marker),
            ],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.name = self.process.stdout.readline().decode().strip()

    def wait_until_it_began(self) -> None:
        self.wait_until(lambda: self.box.workspace.exists("begun"))

    def wait_until(self, holds: Callable[[], bool]) -> None:
        until = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < until, "the kill would show nothing: what it is to end is not there"
            assert self.process.poll() is None
            time.sleep(0.01)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert is_gone(self.name)


@contextmanager
def working(box: Box, code: str) -> Iterator[Killed]:
    """A worker in the middle of a call; whatever becomes of the test, it is not left behind."""
    worker = Killed(box, code)
    try:
        yield worker
    finally:
        worker.process.kill()
        worker.process.communicate()


def groups_of(worker: str) -> set[str]:
    """The control groups that carry the worker's name."""
    groups = cgroup_choice.groups()
    return {name for name in groups.made() if name.startswith(worker)} if groups else set()


def nothing_is_left(worker: Killed) -> bool:
    """Whether soon no process and no control group of the call is left."""
    until = time.monotonic() + GONE_S * max(1.0, 2 * os.getloadavg()[0] / (os.cpu_count() or 1))
    while processes_with(worker.marker) or processes_with(worker.name) or groups_of(worker.name):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize(
    ("code", "at_least"),
    [
        pytest.param(FORK_BOMB, 20, id="fork-bomb"),
        pytest.param(DAEMON, 2, id="daemon"),
        pytest.param(STOPPED, 1, id="stopped"),
        pytest.param(THREADS, 2, id="threads"),
    ],
)
def test_nothing_is_left_of_what_a_killed_workers_call_started(box: Box, code: str, at_least: int) -> None:
    with working(box, code) as worker:
        worker.wait_until_it_began()
        worker.wait_until(lambda: len(processes_with(f"sleep {worker.marker}")) >= at_least)
        worker.kill()
        assert nothing_is_left(worker), processes_with(worker.marker)


def test_big_write_of_a_killed_worker_stops_and_its_disk_comes_back(box: Box) -> None:
    with working(box, WRITE) as worker:
        worker.wait_until(
            lambda: box.workspace.exists("output/big") and box.workspace.entry("output/big").size > 50 * MIB
        )
        worker.kill()
        assert nothing_is_left(worker)
    written = box.workspace.entry("output/big").size
    assert written < 1024 * MIB, "it was over before the kill"
    time.sleep(0.3)
    assert box.workspace.entry("output/big").size == written
    # Nobody holds it open any more, so deleting it gives its space back.
    assert box.workspace.delete("output/big") == 1


def test_memory_of_a_killed_workers_call_comes_back(box: Box) -> None:
    """Its processes' own, and what it put into file systems in memory."""
    with working(box, MEMORY) as worker:
        worker.wait_until_it_began()
        held = psutil.virtual_memory().available
        worker.kill()
        assert nothing_is_left(worker)
        until = time.monotonic() + 60  # neighbours on the machine take and give memory too
        while psutil.virtual_memory().available - held < 200_000_000:
            assert time.monotonic() < until, "its memory did not come back"
            time.sleep(0.1)


@pytest.mark.parametrize("delay", [0.0, 0.003, 0.006, 0.01])
def test_nothing_is_left_of_a_sandbox_that_was_only_being_made(box: Box, delay: float) -> None:
    """The keeper (tools/sandbox/keeper.py) also ends what bubblewrap itself may leave in that moment."""
    with working(box, "import os; os.execvp('sleep', ['sleep', '{marker}'])") as worker:
        time.sleep(delay)
        worker.kill()
        # Long enough for the sandbox to come to be.
        time.sleep(0.3)
        assert nothing_is_left(worker), processes_with(worker.name)
