"""`work NAME`: the system's workers in the foreground.  `side NAME`: submit to it and measure, by bench/sides.py."""

import importlib
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import redis

from bench.peers.marks import MARKS
from bench.sides import WITHIN_S, serve
from settings import PROJECT

MODULES = {"procrastinate": "procrastinate_jobs", "dramatiq": "dramatiq_actors", "huey": "huey_tasks"}


class Peer:
    """One of these systems under measurement."""

    def __init__(self, system: ModuleType) -> None:
        system.connect()
        self.system = system
        self.put = system.put
        self.client = redis.Redis.from_url(os.environ["BENCH_BROKER_URL"])

    def fill(self, count: int) -> None:
        """Submit the tasks, and a mark before and after them."""
        for name in ("mark", *["nothing"] * count, "mark"):
            self.put(name)

    def drain(self, count: int) -> float:
        """Tasks per second between the marks."""
        first, last = self._mark(), self._mark()
        return count / (last - first)

    def once(self) -> float:
        """Milliseconds from the submission to the start."""
        begun = time.time()
        self.put("mark")
        return (self._mark() - begun) * 1000

    def is_free(self) -> bool:
        """Whether tasks can be submitted while the workers stand still."""
        return bool(self.system.is_free())

    def _mark(self) -> float:
        found: Any = self.client.blpop([MARKS], timeout=WITHIN_S)
        if found is None:
            raise SystemExit(f"no mark within {WITHIN_S} s")
        return float(found[1])


def work(system: ModuleType) -> None:
    """Run the workers until they end."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    if system.FIRST:
        subprocess.run(_program(system.FIRST), check=True, env=environment)
    started = [subprocess.Popen(_program(command), env=environment) for command in system.WORKERS]
    print("the workers are started; their first task waits until they are ready.", flush=True)
    for each in started:
        each.wait()


def _program(command: list[str]) -> list[str]:
    """The command, its program from beside this Python."""
    return [str(Path(sys.executable).parent / command[0]), *command[1:]]


if __name__ == "__main__":
    found = importlib.import_module(f"bench.peers.{MODULES[sys.argv[2]]}")
    if sys.argv[1] == "work":
        work(found)
    else:
        serve(Peer(found))
