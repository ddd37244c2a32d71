"""Tasks per second and time to the start: OpsCore beside bare Celery, in one run, in turn.

    .venv/bin/python -m bench.throughput [--quick] [--tasks 300] [--rounds 3] [--only sqlite|postgresql|peers]

Bare Celery runs tasks that do nothing (prefork, no results, acks_late, prefetch 1); OpsCore runs tasks of one step,
drill.nothing, which starts no sandbox and needs no folder: what is measured is OpsCore's own cost a task, every row
and event of it.  Other queues (peers/) do as much as they can of recording it durably.  Same broker program, same
number of processes.  For the rate all workers are stopped, the queue is filled, and one system is let go; for the
latency one task at a time meets an idle worker.  Medians of the rounds.
Where a task's time goes: docs/decisions/0026.  The systems: systems.py.  What is asked of each: sides.py.
"""

import argparse
import signal
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.peers.__main__ import MODULES
from bench.servers import broker
from bench.systems import CONCURRENCY, System, bare, opscore, peer


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("sqlite", "postgresql", "peers"))
    parser.add_argument("--quick", action="store_true", help="a few tasks only: does it work at all?")
    told = parser.parse_args()
    if told.quick:
        told.tasks, told.rounds = 20, 1
    # Ended from outside it must not leave its workers behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="opscore-bench-")))
        port = stack.enter_context(broker(folder))
        systems = [stack.enter_context(bare(folder, port))]
        for number, kind in enumerate(("sqlite", "postgresql"), 1):
            if told.only in (None, kind):
                systems.append(stack.enter_context(opscore(folder, port, number, kind)))
        for number, name in enumerate(MODULES if told.only in (None, "peers") else (), 3):
            systems.append(stack.enter_context(peer(folder, port, number, name)))
        _measure(systems, told.tasks, told.rounds)
        _print(systems, told.tasks, told.rounds)


def _measure(systems: list[System], tasks: int, rounds: int) -> None:
    for system in systems:  # each process's first task pays for imports and connections
        for _ in range(2 * CONCURRENCY):
            system.ask("once")
    for _ in range(rounds):
        for system in systems:
            system.stand_still()
        for system in systems:
            system.measure_rate(tasks)
        for system in systems:
            system.go_on()
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


if __name__ == "__main__":
    main()
