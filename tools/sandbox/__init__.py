"""Where commands and code run: `probe()`, `settle()`, `choose()` and `run_in()`; the promises are in contract.py."""

from tools.sandbox.choice import choose, probe, run_in, settle
from tools.sandbox.contract import Call, Probe, Sandbox

__all__ = ["Call", "Probe", "Sandbox", "choose", "probe", "run_in", "settle"]
