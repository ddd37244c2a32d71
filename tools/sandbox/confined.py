"""Tier 3: a command under Landlock, a filter of system calls and limits; nothing installed, no namespace.

This module says what the call may reach; the process that it starts, tools/confine/, puts it in force.  What
the tier lacks: sockets but for pairs, and with them any way to the network; a /proc; places at fixed paths.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from models.errors import SandboxUnavailable
from tools import confine, environment, identity, interpreter
from tools.confine import landlock
from tools.confine.broker import ACTS
from tools.confine.order import Order
from tools.confine.order import Word as Ordered
from tools.contract import Emit, Finished
from tools.sandbox import scratch
from tools.sandbox.bubblewrap import first_process
from tools.sandbox.contract import Call, Word
from tools.sandbox.each_process import by_number, limits_of_each
from tools.sandbox.in_memory import shm_bytes, tmp_bytes
from tools.sandbox.inherited import Inherited
from tools.sandbox.seccomp import filter_for
from tools.sandbox.seccomp.numbers import NUMBERS
from tools.sandbox.supervise import supervise

_PATH = "/usr/local/bin:/usr/bin:/bin"


class Confined:
    """Commands under Landlock.  Its places are the host's own paths."""

    tier = 3
    name = "landlock"

    def run(self, call: Call, *, emit: Emit, is_cancelled: Callable[[], bool]) -> Finished:
        """As contract.py promises.  As root the workspace must belong to a uid of identity.py.

        Raises:
            SandboxUnavailable: it could not be isolated, and was not run.
        """
        _require_landlock()
        if call.socket is not None:
            raise SandboxUnavailable("cannot reach the network from this sandbox: its tier has no sockets", tier=3)
        folder = scratch.new_path()
        try:
            with Inherited() as files:
                order = files.holding(_order(call, files, folder).written())
                return supervise(tuple(_command(order)), files, call, emit=emit, is_cancelled=is_cancelled)
        finally:
            scratch.remove(folder)


def _require_landlock() -> None:
    cure = f"a kernel with Landlock ABI {landlock.LEAST_ABI} (Linux 6.12), and landlock in /sys/kernel/security/lsm"
    try:
        found = landlock.abi()
    except (OSError, AttributeError) as error:  # no kernel but Linux has the call
        raise SandboxUnavailable("cannot use Landlock: this kernel does not offer it", cure=cure) from error
    if found < landlock.LEAST_ABI:
        raise SandboxUnavailable("cannot use Landlock: this kernel's is too old", abi=found, cure=cure)


def _command(order: int) -> Iterator[str]:
    yield from (str(interpreter.base().executable), "-I", "-S", "-B")
    yield from (str(Path(confine.__file__).parent), str(order))


def _order(call: Call, files: Inherited, folder: Path) -> Order:
    uid = identity.owner_of(call.workspace)
    if identity.drops_uid() and uid is None:
        raise SandboxUnavailable("cannot isolate: root's own files would be the workspace")
    if os.geteuid() == 0 and uid is None:
        raise SandboxUnavailable("cannot isolate: root has no other uid here", cure="run as an ordinary user")
    machine = os.uname().machine
    held = {number: name for name, number in NUMBERS.get(machine, {}).items() if name in ACTS}
    workspace = call.workspace.resolve()
    return Order(
        command=[*first_process(f"{workspace}/{call.cwd}"), *map(_ordered, call.command)],
        environment=_environment(call),
        workspace=str(workspace),
        readable=dict(_readable(call)),
        shown=[str(folder.resolve()) for folder in call.shown],
        files={name: files.holding(data) for name, data in call.files.items()},
        seeds=dict(_seeds(call)),
        scratch=str(folder),
        uid=uid,
        limits=by_number(limits_of_each(call.limits)),
        processes=call.limits.processes,
        tmp_bytes=tmp_bytes(call.limits),
        shm_bytes=shm_bytes(call.limits),
        filter=files.holding(filter_for(machine, Confined.tier, notified=frozenset(held.values()))),
        held=held,
        status=files.status,
    )


def _ordered(word: Word) -> Ordered:
    return word if isinstance(word, str) else [word.place, word.path]


def _readable(call: Call) -> Iterator[tuple[str, str]]:
    python = interpreter.base()
    if not python.is_in_usr:
        yield "python", str(python.prefix)
    if call.tool_env is not None:
        yield "tools", str(call.tool_env.resolve())
    if call.packages is not None:
        yield "packages", str(call.packages.resolve())


def _seeds(call: Call) -> Iterator[tuple[str, str]]:
    if call.tool_env is not None:
        folder = call.tool_env.resolve() / environment.SEEDS
        yield from ((name, str(folder / name)) for name in environment.seeds(call.tool_env))


def _environment(call: Call) -> dict[str, list[Ordered]]:
    found: dict[str, list[Ordered]] = {
        # The host's is there and may not be read, which git takes for an error.
        "GIT_CONFIG_NOSYSTEM": ["1"],
        "HOME": [["workspace", ""]],
        "LANG": ["C.UTF-8"],
        "PATH": [_PATH],
        "TMPDIR": [["tmp", ""]],
        "TZ": ["UTC"],
        "USER": ["agent"],
    }
    if call.tool_env is not None:
        found |= {name: [value] for name, value in environment.VARIABLES.items()}
        found |= {"MPLCONFIGDIR": [["tmp", "matplotlib"]], "PATH": [["tools", "bin"], _PATH]}
    for name, value in call.env.items():
        found[name] = [_ordered(word) for word in (value if isinstance(value, tuple) else (value,))]
    return found
