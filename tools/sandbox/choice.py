"""Which sandbox this host has, found by running one and looking from inside (inside.py).

Fail closed: what does not answer as it must is not used, and without any the commands are refused.
"""

import json
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from models.errors import NotFound, SandboxUnavailable
from tools import identity, interpreter
from tools.contract import Emit, Finished, Limits, ignore, never
from tools.sandbox.bubblewrap import Bubblewrap
from tools.sandbox.contract import Call, Probe, Sandbox
from tools.sandbox.leftovers import end_leftovers

_PROBE_LIMITS = Limits(wall_s=20)
_REQUIRED = {
    "uid": 65534,
    "capabilities": 0,
    "no_new_privileges": True,
    "seccomp": 2,
    "home_hidden": True,
    "usr_read_only": True,
    "root_read_only": True,
    "workspace_writable": True,
    "network": [],
    "namespaces_refused": True,
}

_MAKERS: dict[int, Callable[[], Sandbox]] = {1: Bubblewrap, 2: lambda: Bubblewrap(own_proc=False)}


class NoSandbox:
    """Tier 4: refuses everything, and says why."""

    tier = 4
    name = "none"

    def __init__(self, reasons: dict[str, str]) -> None:
        self.reasons = reasons

    def run(self, call: Call, *, emit: Emit, is_cancelled: Callable[[], bool]) -> Finished:
        """Never runs anything."""
        raise SandboxUnavailable("cannot isolate commands on this host", reasons=self.reasons)


def probe() -> Probe:
    """The strongest tier that works here: 1 "bubblewrap", 2 "bubblewrap without its own /proc", 4 "none".

    Runs a sandbox each time, which takes about 0.1 s.  On tier 4 the facts say why each other tier failed.
    """
    sandbox, facts = _strongest()
    return Probe(sandbox.tier, sandbox.name, facts)


def choose() -> Sandbox:
    """The sandbox of `probe()`'s tier, found once per process; on tier 4 one whose `run` always raises.

    Sandboxes that a killed worker left on this host are ended on the way.
    """
    try:
        return _found()
    except SandboxUnavailable as error:
        # Not remembered: a host under load may have failed one probe, and the next call asks again.
        return NoSandbox(error.details["reasons"])


def at_tier(tier: int) -> Sandbox:
    """The sandbox of tier 1 or 2, whether or not it works on this host."""
    return _MAKERS[tier]()


@cache
def _found() -> Sandbox:
    end_leftovers()
    sandbox, facts = _strongest()
    if sandbox.tier == NoSandbox.tier:
        raise SandboxUnavailable("cannot isolate commands on this host", reasons=facts)
    return sandbox


def run_in(
    folder: Path,
    command: Sequence[str],
    timeout: float | None = None,
    *,
    limits: Limits | None = None,
    tool_env: Path | None = None,
    emit: Emit = ignore,
    is_cancelled: Callable[[], bool] = never,
) -> Finished:
    """Run `command` on an existing folder of the host exactly as the agents' tools would.

    `timeout` is in seconds.  As root the folder and what is in it are given to the sandbox's uid first.

    Raises:
        SandboxUnavailable: this host cannot isolate; nothing was run.
        NotFound: there is no such folder.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise NotFound("cannot find the folder", path=str(folder))
    sandbox = choose()
    if sandbox.tier != NoSandbox.tier:
        identity.hand_over(folder)
    limits = (limits or Limits()).tightened(wall_s=timeout)
    call = Call(tuple(command), folder, tool_env, limits=limits)
    return sandbox.run(call, emit=emit, is_cancelled=is_cancelled)


def _strongest() -> tuple[Sandbox, dict[str, Any]]:
    reasons: dict[str, str] = {}
    for tier in _MAKERS:
        sandbox = at_tier(tier)
        try:
            return sandbox, examine(sandbox)
        except SandboxUnavailable as error:
            reasons[f"tier_{sandbox.tier}"] = str(error)
    return NoSandbox(reasons), reasons


def examine(sandbox: Sandbox) -> dict[str, Any]:
    """The facts about the sandbox, seen from inside of one that was just run.

    Raises:
        SandboxUnavailable: it could not be run, or does not isolate as it must.
    """
    python = interpreter.base()
    shown = [str(python.prefix)] if python.prefix.is_relative_to("/home") else []
    with tempfile.TemporaryDirectory(prefix="opscore-probe-") as folder:
        identity.hand_over(Path(folder))
        command = (str(python.executable), "-I", "-S", "-", *shown)
        looking = Path(__file__).with_name("inside.py").read_bytes()
        call = Call(command, Path(folder), stdin=looking, limits=_PROBE_LIMITS)
        finished = sandbox.run(call, emit=ignore, is_cancelled=never)
    if finished.exit_code != 0:
        raise SandboxUnavailable("cannot look from inside the sandbox", said=finished.stderr.text.strip())
    return _judged(json.loads(finished.stdout.text))


def _judged(facts: dict[str, Any]) -> dict[str, Any]:
    wrong = {name: facts.get(name) for name, wanted in _REQUIRED.items() if facts.get(name) != wanted}
    if wrong:
        raise SandboxUnavailable("cannot rely on the sandbox: it does not isolate", **wrong)
    return facts
