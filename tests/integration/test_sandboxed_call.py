"""The measurement of a sandboxed call works: each way that this host has is set against the bare call."""

import re
import subprocess
import sys

from settings import PROJECT


def test_quick_measurement_prints_each_way_beside_the_bare_call() -> None:
    command = [sys.executable, "-m", "bench.sandboxed_call", "--quick"]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == 0, ended.stderr
    for title in ("true", "python3 -c pass"):
        _, _, table = ended.stdout.partition(f"{title}, as ")
        bare, *sandboxed = re.findall(r"^  (bare|tier \d) +([\d.]+) ms +[+-][\d.]+ ms  x([\d.]+)$", table, re.MULTILINE)
        assert (bare[0], bare[2]) == ("bare", "1.00")
        assert "tier 1" in [way for way, _, _ in sandboxed] or "tier 1 is not here" in ended.stdout
        assert all(float(median) > 0 for _, median, _ in (bare, *sandboxed))
