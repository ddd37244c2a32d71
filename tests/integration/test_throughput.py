"""The measurement of throughput works: both sides run their tasks and are set against each other."""

import subprocess
import sys

import pytest

from settings import PROJECT


def measured(what: str) -> list[list[str]]:
    """The rows of a quick measurement, without its two lines of heading."""
    command = [sys.executable, "-m", "bench.throughput", "--quick", "--only", what]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == 0, ended.stderr
    return [line.split() for line in ended.stdout.splitlines()[2:]]


def test_quick_measurement_prints_rates_and_ratios_of_both_sides() -> None:
    bare, opscore = measured("sqlite")
    assert bare[:2] == ["bare", "Celery"] and opscore[:2] == ["OpsCore,", "sqlite"]
    assert bare[3::2] == ["1.000", "1.000", "1.00"]
    assert all(float(number) > 0 for number in opscore[2:])
    assert float(opscore[2]) / float(bare[2]) - float(opscore[3]) < 0.01


@pytest.mark.long
def test_other_queues_are_measured_in_the_same_run() -> None:
    rows = measured("peers")
    assert [row[0] for row in rows] == ["bare", "Procrastinate", "Dramatiq", "Huey"]
    assert all(float(number) > 0 for row in rows[1:] for number in row[1:])
