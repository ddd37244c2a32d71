"""What a command that gave up by itself was broken by."""

from types import SimpleNamespace
from typing import Any

import pytest

from tools.contract import Captured, Limits
from tools.sandbox.cgroup import Seen
from tools.sandbox.explained import explain

LIMITS = Limits(cpu_s=5, processes=40)


def explained(exit_code: int | None, stderr: bytes = b"", cpu_s: float = 0.0, **watched: Any) -> str | None:
    seen = {"limits": LIMITS, "seen": Seen(), "is_full_in_memory": False, "threads_peak": 1, **watched}
    watch: Any = SimpleNamespace(**seen)
    return explain(exit_code, Captured(stderr, b"", len(stderr)), cpu_s, watch)


@pytest.mark.parametrize(
    ("stderr", "limit"),
    [
        (b"Traceback\nMemoryError\n", "memory_bytes"),
        (b"sh: 1: Cannot fork", "processes"),
        (b"RuntimeError: can't start new thread\n", "processes"),
        (b"dd: error writing 'big': File too large\n", "file_bytes"),
        (b"OSError: [Errno 122] Disk quota exceeded", "workspace_bytes"),
        (b"terminate called after throwing an instance of 'std::bad_alloc'", "memory_bytes"),
        (b"MemoryError\nbut it went on, and failed over something else\n", None),
        (b"", None),
    ],
)
def test_last_line_names_the_limit(stderr: bytes, limit: str | None) -> None:
    assert explained(1, stderr) == limit


def test_command_that_succeeded_hit_nothing_whatever_it_said() -> None:
    assert explained(0, b"MemoryError") is None


def test_process_that_the_kernel_ended_for_memory_is_said_even_if_the_command_succeeded() -> None:
    assert explained(0, seen=Seen("memory_bytes")) == "memory_bytes"


@pytest.mark.parametrize(("code", "cpu_s"), [(128 + 24, 0.0), (137, 5.0)])
def test_end_by_the_kernel_for_processor_time(code: int, cpu_s: float) -> None:
    assert explained(code, cpu_s=cpu_s) == "cpu_s"


def test_kill_alone_says_nothing() -> None:
    assert explained(137, cpu_s=1.0) is None


def test_no_space_is_memory_only_where_what_is_in_memory_was_full() -> None:
    said = b"cp: error writing: No space left on device"
    assert explained(1, said) is None
    assert explained(1, said, is_full_in_memory=True) == "memory_bytes"


def test_near_the_most_processes_a_failure_is_put_down_to_them() -> None:
    assert explained(1, threads_peak=38) == "processes"
    assert explained(1, seen=Seen("processes")) == "processes"
