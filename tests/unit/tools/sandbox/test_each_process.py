"""What each process of a call may use, as the kernel is told."""

import resource
from unittest.mock import patch

from tools.contract import GIB, Limits
from tools.sandbox.each_process import by_number, limits_of_each

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def of(limits: Limits, ours: tuple[int, int] = UNLIMITED) -> dict[str, tuple[int, int]]:
    with patch("resource.getrlimit", return_value=ours):
        return limits_of_each(limits, {"nproc": limits.processes})


def test_limits_of_the_call_are_those_of_each_process() -> None:
    each = of(Limits(memory_bytes=GIB, file_bytes=7, processes=40))
    assert each["data"] == (GIB, GIB)
    assert each["fsize"] == (7, 7)
    assert each["nproc"] == (40, 40)


def test_process_is_told_before_its_time_is_up() -> None:
    assert of(Limits(cpu_s=4.5))["cpu"] == (5, 6)


def test_no_limit_is_higher_than_ours() -> None:
    each = of(Limits(cpu_s=900), ours=(100, 100))
    assert each["cpu"] == (100, 100)
    assert each["nofile"] == (100, 100)


def test_descriptors_on_their_way_are_few() -> None:
    assert of(Limits())["nofile"] == (1024, 1024)


def test_names_are_those_of_the_kernel() -> None:
    assert by_number({"nofile": (1, 2)}) == {resource.RLIMIT_NOFILE: (1, 2)}
