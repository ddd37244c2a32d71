"""What every sandbox tier promises (tools/sandbox/contract.py), tried on each of them.

The same suite runs once more as an ordinary user: test_sandbox_as_ordinary_user.py.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from models.errors import SandboxUnavailable
from tests.support.boxed import QUICK, Box, a_gone_worker, gone_within, new_marker, processes_with
from tools import identity
from tools.contract import MIB, Limits
from tools.sandbox import Call
from tools.sandbox.bubblewrap import Bubblewrap
from tools.sandbox.choice import NoSandbox
from tools.sandbox.contract import Inside
from tools.sandbox.leftovers import end_leftovers
from tools.sandbox.worker_name import worker_name

PROJECT = Path(__file__).resolve().parents[2]


def test_command_works_on_the_workspace(box: Box) -> None:
    finished = box.run("sh", "-c", "cat README.md; echo made > output/made.txt")
    assert (finished.exit_code, finished.stdout.text, finished.hit) == (0, "# A test\n", None)
    assert box.workspace.read_bytes("output/made.txt") == b"made\n"


def test_file_moves_to_another_folder_by_one_rename(box: Box) -> None:
    code = (
        "import os; os.rename('README.md', 'src/a'); os.mkdir('src/b'); os.rename('src/b', 'output/b'); print('moved')"
    )
    assert box.python(code).stdout.text == "moved\n"


def test_exit_code_is_the_commands(box: Box) -> None:
    assert box.run("sh", "-c", "exit 7").exit_code == 7


def test_signal_shows_as_128_plus_its_number(box: Box) -> None:
    assert box.run("sh", "-c", "kill -TERM $$").exit_code == 128 + signal.SIGTERM


def test_missing_program_is_a_result(box: Box) -> None:
    finished = box.run("no-such-program")
    assert finished.exit_code == 127
    assert "no-such-program" in finished.stderr.text


def test_streams_are_kept_apart_and_come_as_they_come(box: Box) -> None:
    chunks: list[tuple[float, str, bytes]] = []
    box.run(
        "sh", "-c", "echo one; sleep 0.4; echo two >&2",
        emit=lambda stream, chunk: chunks.append((time.monotonic(), stream, chunk)),
    )  # fmt: skip
    assert [(stream, chunk) for _, stream, chunk in chunks] == [("stdout", b"one\n"), ("stderr", b"two\n")]
    assert chunks[1][0] - chunks[0][0] > 0.2


def test_stdin_of_any_size_arrives_and_ends(box: Box) -> None:
    finished = box.run("sh", "-c", "wc -c; head -c 3 /dev/stdin", stdin=b"x" * (3 * MIB))
    assert finished.stdout.text.split() == [str(3 * MIB)]


def test_command_that_ignores_its_stdin_still_ends(box: Box) -> None:
    assert box.run("true", stdin=b"x" * (3 * MIB)).exit_code == 0


def test_environment_is_what_was_given_and_nothing_of_ours(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCORE_API_TOKEN", "sesame")
    finished = box.run("env", env={"OPSCORE_TASK_TITLE": "Survey", "WORKSPACE": Inside("workspace")})
    seen = dict(line.split("=", 1) for line in finished.stdout.text.splitlines())
    assert seen["OPSCORE_TASK_TITLE"] == "Survey"
    assert seen["HOME"] == seen["WORKSPACE"]
    assert "sesame" not in finished.stdout.text


def test_variable_may_hold_anything(box: Box) -> None:
    finished = box.run("sh", "-c", 'printf %s "$OPSCORE_TASK_TITLE"', env={"OPSCORE_TASK_TITLE": "a\0`id`\n=€"})
    assert finished.stdout.text == "a\ufffd`id`\n=€"


def test_folder_to_run_in_is_below_the_workspace(box: Box) -> None:
    finished = box.run("sh", "-c", 'pwd; echo "$1"', "sh", Inside("workspace", "src"), cwd="src")
    here, expected = finished.stdout.text.splitlines()
    assert here == expected


def test_missing_folder_to_run_in_is_a_result(box: Box) -> None:
    assert box.run("pwd", cwd="nowhere").exit_code == 126


def test_inside_it_is_nobody_without_capabilities(box: Box) -> None:
    code = """
import ctypes, os
held = (ctypes.c_uint32 * 6)()
print(os.getuid(), ctypes.CDLL(None).capget((ctypes.c_uint32 * 2)(0x20080522, 0), held), *held)
"""
    uid, *rest = box.python(code).stdout.text.split()
    assert uid != "0"
    assert rest == ["0"] * 7


@pytest.mark.not_on_tier(3, "there are no sockets but pairs: without a network namespace localhost is the host's")
def test_localhost_works_inside(box: Box) -> None:
    code = """
import socket, threading
server = socket.create_server(("localhost", 0))
threading.Thread(target=lambda: server.accept()[0].sendall(b"hi"), daemon=True).start()
print(socket.create_connection(("localhost", server.getsockname()[1])).recv(2))
"""
    assert box.python(code).stdout.text == "b'hi'\n"


def test_time_out_is_124_and_names_the_limit(box: Box) -> None:
    finished = box.run("sleep", "60", limits=Limits(wall_s=0.5))
    assert (finished.exit_code, finished.hit) == (124, "wall_s")
    assert 0.4 < finished.resources.wall_s < 30
    assert finished.resources.processes_killed == 1


def test_output_before_the_time_out_is_kept(box: Box) -> None:
    finished = box.run("sh", "-c", "echo here; sleep 60", limits=Limits(wall_s=0.5))
    assert finished.stdout.text == "here\n"


def test_time_out_takes_those_that_ignore_signals_and_forked_away(box: Box) -> None:
    marker = new_marker()
    script = f"trap '' TERM INT HUP; (setsid sleep {marker} &) ; sleep {marker}; sleep {marker}"
    finished = box.run("sh", "-c", script, limits=Limits(wall_s=0.5))
    assert finished.exit_code == 124
    assert processes_with(marker) == []


def test_daemon_does_not_outlive_its_call_nor_hold_it_up(box: Box) -> None:
    marker = new_marker()
    started = time.monotonic()
    finished = box.run("sh", "-c", f"setsid sleep {marker} & echo done")
    assert (finished.exit_code, finished.stdout.text) == (0, "done\n")
    assert time.monotonic() - started < 30
    assert processes_with(marker) == []


def test_cancelled_call_has_no_exit_code_and_leaves_nothing(box: Box) -> None:
    marker = new_marker()
    since = time.monotonic()
    finished = box.run("sleep", marker, is_cancelled=lambda: time.monotonic() - since > 0.5)
    assert (finished.exit_code, finished.hit) == (None, None)
    assert processes_with(marker) == []


def test_exception_of_the_caller_leaves_nothing(box: Box) -> None:
    marker = new_marker()

    def emit(stream: str, chunk: bytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        box.run("sh", "-c", f"echo go; sleep {marker}", emit=emit)
    assert processes_with(marker) == []


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.01, 0.015, 0.02, 0.03, None])
def test_nothing_is_left_when_the_worker_is_killed(box: Box, delay: float | None) -> None:
    """That many seconds after the call began; None: once its command runs."""
    marker = new_marker()
    identity.hand_over(box.workspace.path)
    code = (
        "import sys; from pathlib import Path;"
        "from tools.contract import ignore, never; from tools.sandbox import Call, choose;"
        f"sandbox = choose({box.sandbox.tier});"
        "print('ready', flush=True);"
        f"call = Call(('sh', '-c', '(setsid sleep {marker} &); sleep {marker}'), Path(sys.argv[1]));"
        "sandbox.run(call, emit=ignore, is_cancelled=never)"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", code, str(box.workspace.path)], cwd=PROJECT, stdout=subprocess.PIPE
    )
    with worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        if delay is None:
            until = time.monotonic() + 60
            while not processes_with(f"sleep {marker}", but="bwrap"):
                assert time.monotonic() < until, "the kill would show nothing: the command is not running"
                time.sleep(0.01)
        else:
            time.sleep(delay)
        worker.kill()
    # Long enough for a sandbox that was only just being made.
    time.sleep(0.2)
    # What bubblewrap may leave of itself goes when the next worker looks; what the task started is gone by then.
    assert gone_within(20, f"sleep {marker}", but="bwrap")
    end_leftovers()
    assert gone_within(20, marker)


def test_sandbox_of_a_worker_that_is_gone_is_ended_and_no_other(box: Box) -> None:
    made = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "sh", "-c", "sleep 60; true", "sh"]
    stuck = subprocess.Popen([*made, a_gone_worker()])
    lives = subprocess.Popen([*made, worker_name()])
    try:
        end_leftovers()
        assert stuck.wait(5) == -signal.SIGKILL
        assert lives.poll() is None
    finally:
        lives.kill()
        lives.wait()


def test_long_output_keeps_its_head_and_tail(box: Box) -> None:
    code = "print('first'); print('x' * 3_000_000); print('last')"
    finished = box.python(code)
    assert finished.exit_code == 0
    assert finished.stdout.truncated
    assert finished.stdout.total_bytes == 3_000_000 + len("first\n\nlast\n")
    assert len(finished.stdout.head) + len(finished.stdout.tail) <= MIB
    assert finished.stdout.text.startswith("first\n")
    assert finished.stdout.text.endswith("x\nlast\n")


def test_endless_output_is_ended(box: Box) -> None:
    finished = box.run("yes")
    assert (finished.exit_code, finished.hit) == (137, "output_bytes")
    assert finished.stdout.total_bytes < 2 * QUICK.output_bytes


def test_output_that_is_no_text_is_shown_safely(box: Box) -> None:
    finished = box.run("printf", r"a\377b\000c")
    assert finished.stdout.text == "a\ufffdb\ufffdc"


def test_resources_are_those_of_all_processes(box: Box) -> None:
    code = """
import subprocess, sys, time
if len(sys.argv) == 1:
    held = bytearray(60_000_000)
    child = subprocess.Popen([sys.executable, "-I", "-S", __file__, "child"])
    child.wait()
else:
    held = bytearray(60_000_000)
    until = time.process_time() + 0.4
    while time.process_time() < until:
        pass
"""
    used = box.python(code).resources
    assert used.cpu_s > 0.4
    assert used.memory_peak_bytes > 120_000_000
    assert used.processes_peak == 2
    assert used.wall_s > 0.4


def test_given_files_are_there_and_cannot_be_changed(box: Box) -> None:
    finished = box.run("sh", "-c", 'cat "$0"; echo no > "$0"', Inside("given", "x"), files={"x": b"hello"})
    assert finished.stdout.text == "hello"
    assert finished.exit_code != 0


def test_host_without_the_programs_is_said_so(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SandboxUnavailable, match="cannot find"):
        Bubblewrap().run(Call(("true",), box.workspace.path), emit=lambda *_: None, is_cancelled=lambda: False)


def test_sandbox_that_cannot_be_set_up_runs_nothing(box: Box) -> None:
    with pytest.raises(SandboxUnavailable, match="No such file"):
        box.run("touch", "ran", shown=(Path("/no/such/source"),))
    assert not box.workspace.exists("ran")


def test_without_a_sandbox_nothing_runs(box: Box) -> None:
    refusing = Box(box.workspace, NoSandbox({"tier_1": "no bwrap"}), box.tool_env)
    with pytest.raises(SandboxUnavailable, match="no bwrap"):
        refusing.run("touch", "ran")
    assert not box.workspace.exists("ran")


def test_second_tier_has_no_proc(box: Box) -> None:
    lesser = Box(box.workspace, Bubblewrap(own_proc=False), box.tool_env)
    assert lesser.run("ls", "-A", "/proc").stdout.text == ""
