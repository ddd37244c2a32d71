"""Which sandbox this host has, found by running one and looking from inside (inside.py).

Fail closed: what does not answer as it must is not used, and without any the commands are refused.  A worker
settles it before its children are forked, and they go by that (docs/decisions/0014-the-third-tier.md).
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from models.errors import SandboxUnavailable
from tools import identity, interpreter, tiers
from tools.contract import Emit, Finished, Limits, ignore, never
from tools.sandbox import cgroup_choice
from tools.sandbox.bubblewrap import Bubblewrap
from tools.sandbox.confined import Confined
from tools.sandbox.contract import Call, Probe, Sandbox
from tools.sandbox.leftovers import end_leftovers

STRONGEST = 0
"""Demands no tier: the strongest that works is taken."""

_PROBE_LIMITS = Limits(wall_s=20)
_REQUIRED: dict[str, Any] = {
    "capabilities": 0,
    "no_new_privileges": True,
    "seccomp": 2,
    "home_hidden": True,
    "usr_read_only": True,
    "root_read_only": True,
    "workspace_writable": True,
    "neighbour_hidden": True,
    "neighbour_kept": True,
    "worker_out_of_reach": True,
    "network": [],
    "namespaces_refused": True,
}
_OF_BUBBLEWRAP = {"uid": 65534, "bounding_capabilities": 0}
_MAKERS: dict[int, Callable[[], Sandbox]] = {1: Bubblewrap, 2: lambda: Bubblewrap(own_proc=False), 3: Confined}


class NoSandbox:
    """Tier 4: refuses everything, and says why."""

    tier = tiers.NONE
    name = "none"

    def __init__(self, reasons: dict[str, str]) -> None:
        self.reasons = reasons

    def run(self, call: Call, *, emit: Emit, is_cancelled: Callable[[], bool]) -> Finished:
        """Never runs anything."""
        raise SandboxUnavailable("cannot isolate commands on this host", reasons=self.reasons)


def probe(demanded: int = STRONGEST, where: Path | None = None) -> Probe:
    """The strongest tier that works here: 1 "bubblewrap", 2 "bubblewrap without its own /proc", 3 "landlock", 4 "none".

    With a tier `demanded`, that one or 4.  Runs a sandbox each time, which takes about 0.1 s: on a folder in `where`,
    as not every tier reaches every folder.  On tier 4 the facts say why each other tier failed.
    """
    return _find(demanded, where).probe


def settle(demanded: int = STRONGEST, where: Path | None = None) -> Probe:
    """As `probe`, but found once per process: what `choose` gives here, and in every process forked from here on.

    Sandboxes that a killed worker left on this host are ended on the way.
    """
    return _settled(demanded, where).probe


def choose(demanded: int = STRONGEST, where: Path | None = None) -> Sandbox:
    """The sandbox of `settle()`'s tier; on tier 4 one whose `run` always raises.

    One that stops working later is not replaced by a lesser one: its calls fail.
    """
    return _settled(demanded, where).sandbox


def at_tier(tier: int) -> Sandbox:
    """The sandbox of tier 1, 2 or 3, whether or not it works on this host."""
    return _MAKERS[tier]()


@dataclass(frozen=True)
class _Found:
    sandbox: Sandbox
    facts: dict[str, Any]

    @property
    def probe(self) -> Probe:
        return Probe(self.sandbox.tier, self.sandbox.name, self.facts)


def _settled(demanded: int, where: Path | None) -> _Found:
    try:
        return _found_once(demanded, where)
    except SandboxUnavailable as error:
        # Not remembered: a host under load may have failed one probe, and the next call asks again.
        return _Found(NoSandbox(error.details["reasons"]), error.details["reasons"])


@cache
def _found_once(demanded: int, where: Path | None) -> _Found:
    end_leftovers()
    found = _find(demanded, where)
    if found.sandbox.tier == NoSandbox.tier:
        raise SandboxUnavailable("cannot isolate commands on this host", reasons=found.facts)
    return found


def _find(demanded: int, where: Path | None) -> _Found:
    if sys.platform != "linux":
        reason = f"cannot isolate commands on {sys.platform}: run OpsCore in a Linux virtual machine or container"
        return _Found(NoSandbox({"system": reason}), {"system": reason})
    reasons: dict[str, Any] = {}
    for tier in _MAKERS if demanded == STRONGEST else (demanded,):
        sandbox = at_tier(tier)
        try:
            return _Found(sandbox, examine(sandbox, where) | cgroup_choice.facts())
        except SandboxUnavailable as error:
            reasons[f"tier_{tier}"] = str(error)
    return _Found(NoSandbox(reasons), reasons)


def examine(sandbox: Sandbox, where: Path | None = None) -> dict[str, Any]:
    """The facts about the sandbox, seen from inside of one that was just run on a folder in `where`.

    Raises:
        SandboxUnavailable: it could not be run, or does not isolate as it must.
    """
    if where is not None:
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="opscore-probe-", dir=where) as folder:
        call = _looking(Path(folder), has_own_pids=sandbox.tier != Confined.tier)
        finished = sandbox.run(call, emit=ignore, is_cancelled=never)
    if finished.exit_code != 0:
        raise SandboxUnavailable("cannot look from inside the sandbox", said=finished.stderr.text.strip())
    return _judged(sandbox.tier, json.loads(finished.stdout.text))


def _looking(folder: Path, *, has_own_pids: bool) -> Call:
    """The call that looks from inside: on a workspace in the folder, beside a neighbour's."""
    folder.chmod(0o711)
    workspace, neighbour = folder / "workspace", folder / "neighbour"
    for made in (workspace, neighbour):
        made.mkdir()
    (neighbour / "file").touch()
    for made in (workspace, neighbour):
        identity.hand_over(made)
    python = interpreter.base()
    shown = [str(python.prefix)] if python.prefix.is_relative_to("/home") else []
    told = [str(neighbour / "file"), "0" if has_own_pids else str(os.getpid()), *shown]
    looking = Path(__file__).with_name("inside.py").read_bytes()
    return Call((str(python.executable), "-I", "-S", "-", *told), workspace, stdin=looking, limits=_PROBE_LIMITS)


def _judged(tier: int, facts: dict[str, Any]) -> dict[str, Any]:
    required = _REQUIRED if tier == Confined.tier else _REQUIRED | _OF_BUBBLEWRAP
    wrong = {name: facts.get(name) for name, wanted in required.items() if facts.get(name) != wanted}
    if facts.get("uid") == 0:
        wrong["uid"] = 0
    if wrong:
        raise SandboxUnavailable("cannot rely on the sandbox: it does not isolate", **wrong)
    return facts
