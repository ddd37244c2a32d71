"""The measurement of the claim works: it fills its places and sets them against each other."""

import subprocess
import sys

from settings import PROJECT


def test_quick_measurement_prints_claims_over_one_and_several_queues() -> None:
    command = [sys.executable, "-m", "bench.claim", "--quick", "--only", "sqlite"]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == 0, ended.stderr
    rows = [line.rsplit(maxsplit=4) for line in ended.stdout.splitlines() if " queued" in line]
    assert [row[0] for row in rows[::3]] == [
        "1,000 queued over 1 queue",
        "1,000 queued over 4 queues",
        "1,000 queued over 10 queues",
    ]
    assert {row[2] for row in rows[::3]} == {row[4] for row in rows[::3]} == {"1.00"}
    assert len(rows) == 9
    assert all(float(number) > 0 for row in rows for number in row[1:])
