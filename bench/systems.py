"""The systems that bench/throughput.py measures: the worker of each, and the process that submits to it.

Bare Celery, OpsCore on a database of its own, and bench/peers.  Same broker program, same number of processes.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.servers import postgresql
from settings import PROJECT

CONCURRENCY = 2
READY_WITHIN_S = 120
CELERY = [sys.executable, "-m", "celery"]
OPTIONS = ["--concurrency", str(CONCURRENCY), "--loglevel", "INFO", "--without-gossip", "--without-mingle"]


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
        """Fill the queue behind the worker's back, which stands still as all others do, then let it go."""
        self.submitted.append(tasks / self.ask(f"fill {tasks}"))
        self.go_on()
        self.rates.append(self.ask(f"drain {tasks}"))
        self.stand_still()

    def stand_still(self) -> None:
        """Stop the worker's processes, which ask their broker when idle too; not where one of them holds a lock."""
        os.killpg(self.worker.pid, signal.SIGSTOP)
        while not self.ask("is_free"):
            self.go_on()
            time.sleep(0.01)
            os.killpg(self.worker.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let them go on."""
        os.killpg(self.worker.pid, signal.SIGCONT)


@contextmanager
def bare(folder: Path, port: int) -> Iterator[System]:
    environment = {**os.environ, "BENCH_BROKER_URL": f"redis://127.0.0.1:{port}/0"}
    worker = [*CELERY, "-A", "bench.sides", "worker", *OPTIONS]
    with _system("bare Celery", worker, "bench.sides bare", environment, folder) as system:
        yield system


@contextmanager
def opscore(folder: Path, port: int, number: int, kind: str) -> Iterator[System]:
    data = folder / kind
    data.mkdir()
    told = {
        "OPSCORE_DATA_DIR": str(data),
        "OPSCORE_BROKER_URL": f"redis://127.0.0.1:{port}/{number}",
        "OPSCORE_LOG_LEVEL": "info",
    }
    with ExitStack() as stack:
        if kind == "postgresql":
            told["OPSCORE_DATABASE_URL"] = stack.enter_context(postgresql(folder / "server")).get_uri()
        environment = {**os.environ, **told}
        subprocess.run(
            [sys.executable, "-m", "flask", "--app", "migrations.app", "db", "upgrade"],
            cwd=PROJECT, env=environment, check=True, capture_output=True,
        )  # fmt: skip
        worker = [*CELERY, "-A", "worker", "worker", *OPTIONS, "--agent", "bench", "--complexity", "1"]
        yield stack.enter_context(_system(f"OpsCore, {kind}", worker, "bench.sides opscore", environment, folder))


@contextmanager
def peer(folder: Path, port: int, number: int, name: str) -> Iterator[System]:
    """One of bench/peers."""
    place = folder / name
    place.mkdir()
    told = {"BENCH_BROKER_URL": f"redis://127.0.0.1:{port}/{number}", "BENCH_FOLDER": str(place)}
    with ExitStack() as stack:
        if name == "procrastinate":
            told["BENCH_DATABASE_URL"] = stack.enter_context(postgresql(place / "server")).get_uri()
        worker = [sys.executable, "-m", "bench.peers", "work", name]
        environment = {**os.environ, **told}
        yield stack.enter_context(_system(name.capitalize(), worker, f"bench.peers side {name}", environment, place))


@contextmanager
def _system(name: str, worker: list[str], side: str, environment: dict[str, str], folder: Path) -> Iterator[System]:
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        started = subprocess.Popen(
            worker, cwd=PROJECT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_ready(started, log)
        submitter = subprocess.Popen(
            [sys.executable, "-m", *side.split()],
            cwd=PROJECT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            yield System(name, started, submitter)
        finally:
            submitter.kill()
            submitter.wait()
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def _wait_ready(worker: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while " ready." not in (said := log.read_text(errors="replace")):
        if worker.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"a worker did not start:\n{said}")
        time.sleep(0.1)
