"""Where commands and code run: `probe()`, `settle()` and `choose()`; the promises are in contract.py."""

from tools.sandbox.choice import choose, probe, settle
from tools.sandbox.contract import Call, Probe, Sandbox

__all__ = ["Call", "Probe", "Sandbox", "choose", "probe", "settle"]
