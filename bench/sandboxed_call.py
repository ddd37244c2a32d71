"""What isolation costs: a command in each sandbox that this host has, beside the same command bare, in turn.

    .venv/bin/python -m bench.sandboxed_call [--rounds 100] [--quick]

`true` shows the cost of a sandbox, `python3 -c pass` what it means for the least that a code tool does.  One
call of each way after the other, so that a busy moment hits all of them; medians.  As root it measures once
as root, whose calls give up the uid first, and once more as an ordinary user.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from models.errors import SandboxUnavailable
from settings import PROJECT
from tools import identity, interpreter
from tools.contract import ignore, never
from tools.sandbox import Call
from tools.sandbox.choice import at_tier, examine
from tools.workspace import Workspace

Way = Callable[[tuple[str, ...]], None]
COMMANDS = {
    "true": ("true",),
    "python3 -c pass": (str(interpreter.base().executable), "-c", "pass"),
}
ORDINARY_UID = identity.UIDS[-1]
WARM_UP = 2


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="a few calls only: does it work at all?")
    told = parser.parse_args()
    rounds = 2 if told.quick else told.rounds
    with tempfile.TemporaryDirectory(prefix="opscore-bench-") as folder:
        workspace = Workspace.create(Path(folder), "w")
        ways = {"bare": _bare, **_sandboxes(workspace)}
        for title, command in COMMANDS.items():
            _print(title, _measure(ways, command, rounds))
        workspace.remove()
    if os.geteuid() == 0:
        _as_ordinary_user(rounds)


def _bare(command: tuple[str, ...]) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)


def _sandboxes(workspace: Workspace) -> dict[str, Way]:
    found: dict[str, Way] = {}
    for tier in (1, 2, 3):
        try:
            examine(at_tier(tier))
        except SandboxUnavailable as error:
            print(f"tier {tier} is not here: {error}")
            continue
        found[f"tier {tier}"] = _in_tier(tier, workspace)
    return found


def _in_tier(tier: int, workspace: Workspace) -> Way:
    sandbox = at_tier(tier)

    def run(command: tuple[str, ...]) -> None:
        finished = sandbox.run(Call(command, workspace.path), emit=ignore, is_cancelled=never)
        assert finished.exit_code == 0, finished.stderr.text

    return run


def _measure(ways: dict[str, Way], command: tuple[str, ...], rounds: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-WARM_UP, rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            way(command)
            if number >= 0:
                taken[name].append((time.perf_counter() - begun) * 1000)
    return {name: statistics.median(values) for name, values in taken.items()}


def _print(title: str, medians: dict[str, float]) -> None:
    bare = medians["bare"]
    print(f"{title}, as {'root' if os.geteuid() == 0 else 'an ordinary user'}")
    for name, median in medians.items():
        print(f"  {name:8}{median:8.2f} ms  {median - bare:+8.2f} ms  x{median / bare:.2f}")


def _as_ordinary_user(rounds: int) -> None:
    become = PROJECT / "tests" / "support" / "as_ordinary.py"
    needed = [sys.prefix, sys.base_prefix, str(PROJECT)]
    again = [sys.executable, "-m", "bench.sandboxed_call", "--rounds", str(rounds)]
    subprocess.run(
        [sys.executable, "-I", "-S", str(become), str(ORDINARY_UID), *needed, "--", *again],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        check=True,
    )


if __name__ == "__main__":
    main()
