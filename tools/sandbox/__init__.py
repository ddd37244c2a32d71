"""Where commands and code run: `probe()`, `settle()` and `choose()`; the promises are in contract.py.

- which tier: choice.py, inside.py (what is looked at), ../tiers.py (what each means)
- tiers 1 and 2: bubblewrap.py, launcher.py (for root); tier 3: confined.py and ../confine/; seccomp/ for all of them
- a call from start to end: supervise.py, running.py, spawning.py, inherited.py, streams.py, capture.py
- its limits: each_process.py, watch.py with tree.py, disk.py and sockets.py, in_memory.py, cgroup*.py, explained.py
- what a killed worker leaves: keeper.py, tidying.py, leftovers.py, scratch.py, worker_name.py

In full, for people: docs/explanation/sandbox.md.
"""

from tools.sandbox.choice import choose, probe, settle
from tools.sandbox.contract import Call, Probe, Sandbox

__all__ = ["Call", "Probe", "Sandbox", "choose", "probe", "settle"]
