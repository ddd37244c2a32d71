"""The measurement of the reconciler's rounds works: it fills its places and sets them against each other."""

import subprocess
import sys

from settings import PROJECT


def test_quick_measurement_prints_both_rounds_of_every_place() -> None:
    command = [sys.executable, "-m", "bench.reconciler", "--quick", "--only", "sqlite"]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == 0, ended.stderr
    small, *large = [line.rsplit(maxsplit=4) for line in ended.stdout.splitlines() if " queued" in line]
    assert (small[0], small[2], small[4]) == ("1,000 queued", "1.00", "1.00")
    assert [name for name, *_ in large] == ["3,000 queued", "3,000 queued, delayed and ended, each"]
    assert all(float(number) > 0 for _, *numbers in large for number in numbers)
