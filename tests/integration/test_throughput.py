"""The measurement of throughput works: both sides run their tasks and are set against each other."""

import subprocess
import sys

from settings import PROJECT


def test_quick_measurement_prints_rates_and_ratios_of_both_sides() -> None:
    command = [sys.executable, "-m", "bench.throughput", "--quick", "--only", "sqlite"]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == 0, ended.stderr
    bare, opscore = (line.split() for line in ended.stdout.splitlines()[2:])
    assert bare[:2] == ["bare", "Celery"] and opscore[:2] == ["OpsCore,", "sqlite"]
    assert bare[3::2] == ["1.000", "1.000", "1.00"]
    assert all(float(number) > 0 for number in opscore[2:])
    assert float(opscore[2]) / float(bare[2]) - float(opscore[3]) < 0.01
