"""The gate: a sandbox whose worker died before its word runs nothing."""

import subprocess

from tools.sandbox.bubblewrap import FIRST_PROGRAM


def first_program(stdin: bytes, *command: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        ["/bin/sh", "-c", FIRST_PROGRAM, "sh", "/", *command], input=stdin, capture_output=True, check=False
    )


def test_without_the_word_nothing_runs() -> None:
    finished = first_program(b"", "echo", "ran")
    assert (finished.returncode, finished.stdout) == (1, b"\n")


def test_with_the_word_the_command_runs_and_gets_the_rest_of_the_input() -> None:
    finished = first_program(b"go\nrest\nof it", "cat")
    assert (finished.returncode, finished.stdout) == (0, b"\nrest\nof it")


def test_words_of_the_command_are_not_read_by_the_shell() -> None:
    assert first_program(b"go\n", "echo", "$HOME;`id`", "*").stdout == b"\n$HOME;`id` *\n"
