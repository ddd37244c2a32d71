"""What is missing or wrong on this machine, and the cure, as `bin/opscore doctor` shows it.

Add a check by adding a function to `CHECKS`: it takes the settings and gives one finding.
"""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import settings
from models.errors import Misconfigured
from settings import Settings
from tools import environment, sandbox, tiers
from tools.sandbox import Probe
from tools.sandbox.choice import NoSandbox
from worker.installation import broker, credentials, health, leftovers, lock, options, packages, ports, record, schema

LEAST_FREE_BYTES = 2**30
NONE = "none: command and code tools refuse"


class Verdict(StrEnum):
    """How bad it is."""

    GOOD = "good"
    WARNING = "warning"
    """It works, but not all of it."""
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """What one check found; `cure` is empty where all is well."""

    name: str
    verdict: Verdict
    what: str
    cure: str = ""


def examine(told: Settings) -> list[Finding]:
    """One finding per check, in the order in which a person would look."""
    return [check(told) for check in CHECKS]


def probed(told: Settings) -> Probe:
    """The sandbox that a worker would have here; leaves nothing behind."""
    workspaces = told.data_dir / "workspaces"
    return sandbox.probe(told.sandbox_tier, workspaces if workspaces.is_dir() else None)


def cure_for_no_sandbox(found: Probe) -> str:
    """What to do on a host where no sandbox could be run, or not the one that is demanded."""
    if sys.platform != "linux":
        return "Run OpsCore in a Linux virtual machine or container: other systems have nothing to build a sandbox of."
    if packages.is_there("bwrap") or not {"tier_1", "tier_2"} & found.facts.keys():
        return f"It does not run here: {'; '.join(str(reason) for reason in found.facts.values())}"
    command = packages.command_for("bwrap")
    return f"Install bubblewrap: {command}" if command else "Install bubblewrap from your system's packages."


def _python(_: Settings) -> Finding:
    return Finding("python", Verdict.GOOD, f"{sys.version.split()[0]} in {sys.prefix}")


def _variables(_: Settings) -> Finding:
    unknown = settings.unknown_variables(os.environ)
    if not unknown:
        return Finding("settings", Verdict.GOOD, "every OPSCORE_ variable is known")
    meant = "; ".join(f"did you mean {near} by {name}?" for name, near in unknown.items() if near)
    cure = meant or "docs/reference/settings.md lists those that there are"
    return Finding("settings", Verdict.WARNING, f"nobody reads {', '.join(unknown)}", cure)


def _data(told: Settings) -> Finding:
    folder = told.data_dir if told.data_dir.exists() else told.data_dir.parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding("data", Verdict.PROBLEM, f"{told.data_dir}: {error.strerror}", "Give a folder with --data.")
    what = f"{told.data_dir}, {free / 2**30:.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        return Finding("data", Verdict.WARNING, what, "Make room, or give a folder on another disk with --data.")
    return Finding("data", Verdict.GOOD, what)


def _database(told: Settings) -> Finding:
    try:
        revision = schema.check(told)
    except Misconfigured as error:
        return Finding("database", Verdict.PROBLEM, str(error), "See the message; backups are in <data>/backups.")
    if revision is None:
        return Finding("database", Verdict.WARNING, "not made yet", _start(told))
    if revision != schema.newest():
        return Finding("database", Verdict.WARNING, f"at revision {revision}, older than the code", _start(told))
    what = f"at revision {revision}, up to date"
    if not schema.gives_room_back(told):
        what += "; keeps the room of deleted tasks, as an earlier version made it"
        return Finding("database", Verdict.WARNING, what, "bin/opscore retention compact")
    return Finding("database", Verdict.GOOD, what)


def _credentials(told: Settings) -> Finding:
    try:
        if schema.current(told) != schema.newest():
            return Finding("credentials", Verdict.GOOD, "none to look at: see the database")
        shut = credentials.unreadable(told)
    except Misconfigured as error:
        return Finding("credentials", Verdict.PROBLEM, error.message, "See the message.")
    if not shut:
        return Finding("credentials", Verdict.GOOD, "those of all model providers can be read")
    what = f"no encryption key fits those of {', '.join(shut)}: their models are not asked"
    cure = (
        "Name the key that they were saved with in OPSCORE_ENCRYPTION_KEYS, put the file secrets/encryption of the "
        f"data folder back, or give them again: bin/opscore provider change {shut[0]}"
    )
    return Finding("credentials", Verdict.PROBLEM, what, cure)


def _sandbox(told: Settings) -> Finding:
    found, demanded = probed(told), told.sandbox_tier
    if found.tier == NoSandbox.tier:
        what = f"not tier {demanded}, which OPSCORE_SANDBOX_TIER demands: no worker starts" if demanded else NONE
        return Finding("sandbox", Verdict.PROBLEM, what, cure_for_no_sandbox(found))
    what, cure = f"{found.name} (tier {found.tier})", tiers.meaning(found.tier).cure
    return Finding("sandbox", Verdict.WARNING if cure and not demanded else Verdict.GOOD, what, cure)


def _agents_python(told: Settings) -> Finding:
    if environment.is_ready(told.tool_env):
        return Finding("agents' Python", Verdict.GOOD, str(told.tool_env))
    return Finding("agents' Python", Verdict.WARNING, "not made, or of an older version", _start(told))


def _broker(told: Settings) -> Finding:
    where = broker.address(told)
    if broker.answers(told):
        return Finding("broker", Verdict.GOOD, f"{where} answers")
    if told.broker_url:
        return Finding("broker", Verdict.PROBLEM, f"{where} does not answer", "Start it, or correct the address.")
    try:
        program = broker.server_program()
    except Misconfigured as error:
        return Finding("broker", Verdict.PROBLEM, error.message, "Install valkey or redis.")
    return Finding("broker", Verdict.WARNING, f"not running; {program} is there", _start(told))


def _processes(told: Settings) -> Finding:
    running = record.read(told)
    if running is None or running.supervisor.process() is None:
        return _nothing_runs(told)
    gone = [each.name for each in running.processes if each.process() is None]
    if gone:
        cure = f"It is being started again; see {told.data_dir}/logs/{gone[0]}.log"
        return Finding("processes", Verdict.WARNING, f"ended: {', '.join(gone)}", cure)
    return Finding("processes", Verdict.GOOD, f"{len(running.processes)} run, {running.url}")


def _nothing_runs(told: Settings) -> Finding:
    left = [] if lock.is_held(told) else leftovers.find(told)
    if left:
        cure = options.command("bin/down", told)
        return Finding("processes", Verdict.PROBLEM, f"left of a start that was killed: {', '.join(left)}", cure)
    return Finding("processes", Verdict.WARNING, "not running", _start(told))


def _start(told: Settings) -> str:
    return f"Start {options.command('bin/up', told)}."


def _web(told: Settings) -> Finding:
    if health.answers(told):
        return Finding("web", Verdict.GOOD, f"{health.address(told)} answers")
    if ports.is_free(told.host, told.port):
        return Finding("web", Verdict.WARNING, f"nothing listens on {health.address(told)}", _start(told))
    cure = "Give another with --port, or end the program that has it."
    return Finding("web", Verdict.PROBLEM, f"port {told.port} is taken by something that is not OpsCore", cure)


CHECKS: tuple[Callable[[Settings], Finding], ...] = (
    _python, _variables, _data, _database, _credentials, _sandbox, _agents_python, _broker, _processes, _web,
)  # fmt: skip
