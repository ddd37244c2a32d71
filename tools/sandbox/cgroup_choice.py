"""Which control groups this process may make, found by making one; what a group is: cgroup.py."""

import secrets
import subprocess
from contextlib import suppress
from functools import cache

from models.errors import SandboxUnavailable
from tools.contract import Limits
from tools.sandbox.cgroup import Group, Groups, Version
from tools.sandbox.cgroup_v1 import Version1
from tools.sandbox.cgroup_v2 import Version2
from tools.sandbox.worker_name import is_gone, worker_name


@cache
def groups() -> Groups | None:
    """Where this process may make groups, looked for once; None where it may not make any."""
    return find((Version2(), Version1()))


def find(versions: tuple[Version, ...]) -> Groups | None:
    """The first place where a group can really be made, filled and removed."""
    for version in versions:
        for parents in version.parents():
            found = Groups(version, parents)
            if {"memory", "pids"} & set(found.bounds) and _works(found):
                return found
    return None


def _works(found: Groups) -> bool:
    try:
        group = found.make(_new_name(), Limits())
    except OSError:
        return False
    try:
        return _takes_a_process(group)
    finally:
        group.remove()


def _takes_a_process(group: Group) -> bool:
    waiting = subprocess.Popen(["/bin/sh", "-c", "read -r _"], stdin=subprocess.PIPE)
    try:
        group.add(waiting.pid)
        return waiting.pid in group.pids()
    except OSError:
        return False
    finally:
        waiting.kill()
        waiting.communicate()


def new_group(limits: Limits) -> Group | None:
    """A group for one call; None where there are no groups.

    Raises:
        SandboxUnavailable: there were groups, and there are none any more.
    """
    found = groups()
    if found is None:
        return None
    name = _new_name()
    try:
        return found.make(name, limits)
    except OSError:
        # Somebody may have put us elsewhere since.
        groups.cache_clear()
        found = groups()
    if found is None:
        raise SandboxUnavailable("cannot make a control group any more", transient=True)
    return found.make(name, limits)


def _new_name() -> str:
    return f"{worker_name()}-{secrets.token_hex(4)}"


def end_groups_of_gone_workers() -> int:
    """Kill what is in groups whose worker is gone, and remove them; returns how many there were."""
    found = groups()
    if found is None:
        return 0
    names = [name for name in found.made() if is_gone(name.rpartition("-")[0])]
    for name in names:
        # A process that is stuck in the kernel keeps its group; that must keep no new worker from beginning.
        with suppress(OSError):
            found.named(name).remove()
    return len(names)


def facts() -> dict[str, object]:
    """What the probe shows about them."""
    found = groups()
    return {"cgroup": "none"} if found is None else {"cgroup": found.version.name, "cgroup_bounds": found.bounds}
