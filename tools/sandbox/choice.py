"""Which sandbox this host has, found by running one and looking from inside."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tools.contract import Emit, Finished
from tools.sandbox.contract import Probe, Sandbox


def probe() -> Probe:
    """The strongest tier that works here: 1 "bubblewrap", 2 "bubblewrap without its own /proc", 4 "none".

    Runs a sandbox each time; takes about 0.1 s.
    """
    raise NotImplementedError


def choose() -> Sandbox:
    """The sandbox of `probe()`'s tier, probed once per process; on tier 4 one whose `run` always raises."""
    raise NotImplementedError


def run_in(
    folder: Path,
    command: Sequence[str],
    timeout: float | None = None,
    *,
    tool_env: Path | None = None,
    emit: Emit | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> Finished:
    """Run `command` on an existing folder of the host exactly as the agents' tools would.

    As root the folder's contents are handed to the sandbox's uid first.

    Raises:
        SandboxUnavailable: this host cannot isolate; nothing was run.
        NotFound: there is no such folder.
    """
    raise NotImplementedError
