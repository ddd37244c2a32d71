"""A new workspace with its packages, beside `python -m venv` and pip: the same wheel, in turn, in one run.

    .venv/bin/python -m bench.environments [--quick] [--rounds 9]

The wheel is small and lies in a folder, so that neither side waits for a network.  Ours is measured three times: with
an empty cache (resolved and installed in the sandbox), by the next task that asks for the same (a new workspace,
its packages named in it), and with the first program that uses them.  Medians; the budgets are those of
`python.install`: a cached set is ready in under 0.5 s, and at least 50 times faster than the other way.
"""

import argparse
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import settings
from tests.support import wheels
from tools import environment, identity, sandbox
from tools.contract import Context, Limits
from tools.packages.rules import Rules
from tools.registry import find
from tools.workspace import Workspace

CACHED_S = 0.5
TIMES_FASTER = 50
PACKAGE = "measured"

T = TypeVar("T")


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="one round only: does it work at all?")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="opscore-bench-") as folder, identity.lent() as owner:
        ours = Ours(Path(folder), owner)
        measured = [ours.round() for _ in range(1 if told.quick else told.rounds)]
        _print({name: statistics.median(each[name] for each in measured) for name in measured[0]}, len(measured))


class Ours:
    """The folders of one run: a wheel, and the environments that come of it."""

    def __init__(self, folder: Path, owner: int | None) -> None:
        self.folder = folder
        self.owner = owner
        self.tool_env = environment.ensure(settings.load().tool_env)
        self.sandbox = sandbox.choose()
        wheels.wheel(folder / "wheels", PACKAGE)
        for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
            del os.environ[name]
        os.environ.update(PIP_CONFIG_FILE=os.devnull, UV_NO_CONFIG="1", UV_NO_INDEX="1")
        os.environ.update(UV_FIND_LINKS=str(folder / "wheels"))

    def round(self) -> dict[str, float]:
        """Seconds that each way took once."""
        rules = Rules(self.folder / f"environments-{secrets.token_hex(4)}")
        first, _ = _timed(lambda: self._install(rules))
        again, workspace = _timed(lambda: self._install(rules))
        used, _ = _timed(lambda: self._use(rules, workspace))
        return {"first": first, "cached": again, "used": used, "venv": self._venv()}

    def _install(self, rules: Rules) -> Workspace:
        workspace = Workspace.create(self.folder / "workspaces", secrets.token_hex(8), owner=self.owner)
        self._call(rules, workspace, "python.install", packages=[PACKAGE])
        return workspace

    def _use(self, rules: Rules, workspace: Workspace) -> None:
        self._call(rules, workspace, "python.run", code=f"import {PACKAGE}")

    def _call(self, rules: Rules, workspace: Workspace, name: str, **arguments: object) -> None:
        context = Context(workspace, self.sandbox, Limits(), self.tool_env, packages=rules)
        result = find(name).run(find(name).parse(arguments), context)
        if result.exit_code != 0:
            raise SystemExit(f"{name} did not succeed: {result.stderr.text}")

    def _venv(self) -> float:
        place = self.folder / f"venv-{secrets.token_hex(4)}"
        words = ["install", "--quiet", "--disable-pip-version-check", "--no-index"]
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        pip = [str(place / "bin" / "python"), "-m", "pip", *words, "--find-links", str(self.folder / "wheels"), PACKAGE]
        subprocess.run(pip, check=True)
        return time.perf_counter() - started


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _print(medians: dict[str, float], rounds: int) -> None:
    names = {
        "venv": "python -m venv and pip",
        "first": "new workspace, nothing cached",
        "cached": "new workspace, cached packages",
        "used": "first program that uses them",
    }
    print(f"{rounds} rounds of one small wheel in a folder; medians, and how many times faster than venv and pip")
    for key, name in names.items():
        print(f"{name:34}{medians[key] * 1000:10.1f} ms{medians['venv'] / medians[key]:10.1f} x")
    kept = medians["cached"] < CACHED_S and medians["venv"] / medians["cached"] >= TIMES_FASTER
    print(f"cached under {CACHED_S} s and {TIMES_FASTER} times faster: {'yes' if kept else 'NO'}")


if __name__ == "__main__":
    main()
