"""The gate: a sandbox whose worker died before its word runs nothing, and one whose command ended waits to leave."""

import os
import socket
import threading
from dataclasses import dataclass

from tools.sandbox.bubblewrap import FIRST_PROGRAM
from tools.sandbox.inherited import CONTROL
from tools.sandbox.spawning import spawn


@dataclass
class Ended:
    """How the first process ended, and what it said to whom."""

    code: int
    stdout: bytes
    control: bytes


def first_program(stdin: bytes, *command: str, leave: bytes = b"leave\n") -> Ended:
    (read_in, write_in), (read_out, write_out) = os.pipe(), os.pipe()
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    words = ("/bin/sh", "-c", FIRST_PROGRAM, "sh", "name", "/", *command)
    pid = spawn(words, {0: read_in, 1: write_out, 2: 2, CONTROL: theirs.fileno()})
    for descriptor in (read_in, write_out):
        os.close(descriptor)
    theirs.close()
    os.write(write_in, stdin)
    os.close(write_in)
    said = ours.recv(100)
    ours.sendall(leave) if said and leave else ours.close()
    with os.fdopen(read_out, "rb") as out:
        stdout = out.read()
    ours.close()
    return Ended(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), stdout, said)


def test_without_the_word_nothing_runs() -> None:
    assert first_program(b"", "echo", "ran") == Ended(1, b"\n", b"")


def test_with_the_word_the_command_runs_and_gets_the_rest_of_the_input() -> None:
    assert first_program(b"go\nrest\nof it", "cat") == Ended(0, b"\nrest\nof it", b"0\n")


def test_words_of_the_command_are_not_read_by_the_shell() -> None:
    assert first_program(b"go\n", "echo", "$HOME;`id`", "*").stdout == b"\n$HOME;`id` *\n"


def test_command_that_ended_is_told_before_the_first_process_leaves() -> None:
    assert first_program(b"go\n", "sh", "-c", "exit 7") == Ended(7, b"\n", b"7\n")


def test_dead_worker_keeps_no_first_process() -> None:
    assert first_program(b"go\n", "sh", "-c", "exit 7", leave=b"").code == 7


def test_command_does_not_inherit_the_control() -> None:
    assert first_program(b"go\n", "sh", "-c", "echo forged >&3").control != b"forged\n"


def test_descriptors_of_ours_do_not_get_through() -> None:
    leaking = [os.dup(0) for _ in range(3)]
    for number in leaking:
        os.set_inheritable(number, True)
    try:
        seen = first_program(b"go\n", "ls", "/proc/self/fd").stdout.split()
    finally:
        for number in leaking:
            os.close(number)
    assert seen == [b"0", b"1", b"2", b"3"]  # the last is the folder that ls looks at


def test_descriptors_may_change_places() -> None:
    reader, writer = os.pipe()
    pid = spawn(("/bin/sh", "-c", "readlink /proc/$$/fd/0 /proc/$$/fd/2"), {0: 2, 1: writer, 2: 0})
    os.close(writer)
    os.waitpid(pid, 0)
    with os.fdopen(reader) as out:
        assert out.read().splitlines() == [os.readlink("/proc/self/fd/2"), os.readlink("/proc/self/fd/0")]


def test_many_calls_at_once_share_nothing() -> None:
    found: list[Ended] = []
    threads = [
        threading.Thread(target=lambda number=number: found.append(first_program(b"go\n", "echo", str(number))))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.stdout for each in found) == sorted(b"\n%d\n" % number for number in range(8))
