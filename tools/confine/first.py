"""The first process inside: gives up everything that it does not need, and starts the command in its place."""

import os
import resource
import signal
import socket
from pathlib import Path
from typing import NoReturn

from tools.confine import kernel, landlock
from tools.confine.order import Order, spelled
from tools.confine.places import Places

LISTENS = b"l"
_LINE_TO_THE_WORKER = 3
_IGNORED_BY_PYTHON = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGHUP)


def become(order: Order, places: Places, program: bytes, outer: socket.socket) -> NoReturn:
    """Replace this process by the order's command.

    The filter's listener is sent to the `outer` process, which answers once it listens.
    """
    os.setsid()
    kernel.die_with_parent(signal.SIGKILL)
    # The outer process must outlive us: only it can end them all.
    kernel.be_out_of_memory_first()
    # The orphans of the command stay below us, where they are counted.
    kernel.adopt_orphans()
    command, variables = _spelled(order, places)
    for number in _IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    os.umask(0o022)
    os.chdir(order.workspace)
    _limit(order)
    landlock.confine(places.rules())
    socket.send_fds(outer, [LISTENS], [kernel.filter_calls(program)])
    if outer.recv(1) != LISTENS:
        os._exit(1)
    kernel.close_from(_LINE_TO_THE_WORKER + 1)
    os.execve(command[0], command, variables)  # noqa: S606  (no shell is wanted)


def _spelled(order: Order, places: Places) -> tuple[list[str], dict[str, str]]:
    variables = {
        # A task's title may hold anything; no variable can hold a NUL.
        name: ":".join(spelled(word, places.named) for word in words).replace("\0", "\ufffd")
        for name, words in order.environment.items()
    }
    return [spelled(word, places.named) for word in order.command], variables


def _limit(order: Order) -> None:
    for number, (soft, hard) in order.limits.items():
        _lower(number, soft, hard)
    # The kernel counts all that the user runs on this host.
    most = _running(os.getuid()) + order.processes
    _lower(resource.RLIMIT_NPROC, most, most)


def _lower(number: int, soft: int, hard: int) -> None:
    _, ours = resource.getrlimit(number)
    # Nobody unprivileged may raise a hard limit.
    hard = hard if ours == resource.RLIM_INFINITY else min(hard, ours)
    resource.setrlimit(number, (min(soft, hard), hard))


def _running(uid: int) -> int:
    """How many processes and threads the user has."""
    return sum(_threads(folder, uid) for folder in Path("/proc").iterdir() if folder.name.isdigit())


def _threads(process: Path, uid: int) -> int:
    try:
        if process.stat().st_uid != uid:
            return 0
        # Besides itself and its parent, each entry of this folder is one link.
        return (process / "task").stat().st_nlink - 2
    except (FileNotFoundError, ProcessLookupError):
        return 0
