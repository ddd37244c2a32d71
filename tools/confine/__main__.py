"""The outer process of tier 3: between the worker and the first process inside, and out of reach of both its ends.

    python -I -S -B tools/confine DESCRIPTOR-OF-THE-ORDER

It starts the first process (first.py) and stays until that one or the worker is gone; then it kills every process
of the call, whoever its parent is by now.  It can do so with one signal to "all" because it has itself put into a
Landlock domain that its signals do not leave.  Meanwhile a thread answers what broker.py is
for (serving.py).  How it reports: tools/sandbox/running.py.
"""

import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

# Run as a program, without site-packages: only what is beside us and below is to be found.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from tools.confine import first, kernel, landlock, notices, places, serving  # noqa: E402
from tools.confine.broker import Broker  # noqa: E402
from tools.confine.order import Order, read  # noqa: E402

_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(descriptor: int) -> None:
    """Run the order to its end."""
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    parent = os.getppid()
    # Where the worker died before this, the first process never hears the word to begin (running.py).
    worker = os.pidfd_open(parent)
    order = read(descriptor)
    program = Path(f"/proc/self/fd/{order.filter}").read_bytes()
    kernel.give_up_privileges()
    kernel.adopt_orphans()
    viewed = places.viewed(order) if order.uid is not None else None
    _keep_signals_in(parent)
    if order.uid is not None:
        _become(order.uid)
    made = viewed or places.in_a_folder(order)
    try:
        made.require_reachable()
        _run(order, made, program, worker)
    finally:
        made.remove()


def _keep_signals_in(parent: int) -> None:
    """Enter the domain, and see that it holds: it must part us from a process that we could signal until now."""
    os.kill(parent, 0)
    landlock.keep_signals_in()
    with suppress(PermissionError):
        os.kill(parent, 0)
        raise OSError(0, "cannot keep signals in: this kernel lets them out")


def _become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.chdir("/")


def _run(order: Order, made: places.Places, program: bytes, worker: int) -> None:
    ours, theirs = socket.socketpair()
    guard = _guarded()
    inside = os.fork()
    if inside == 0:
        try:
            first.become(order, made, program, theirs)
        except OSError as error:
            _say(error)
        os._exit(1)
    theirs.close()
    _report(order, {"guard-pid": guard, "in-memory": made.in_memory, "on-disk": made.on_disk})
    _report(order, {"child-pid": inside})
    code = 1
    try:
        _, received, _, _ = socket.recv_fds(ours, 1, 1)
        _let_go_of_streams()
        if received:
            ours.sendall(first.LISTENS)
            held = notices.Held(received[0], order.held)
            serving.begin(held, Broker(made.writable), lambda: os.kill(inside, signal.SIGKILL))
            _wait([worker, os.pidfd_open(inside)])
    finally:
        code = _end(inside)
    _report(order, {"exit-code": code})


def _guarded() -> int:
    """Have a second process end the call if this one is killed, which only somebody outside can do."""
    outer = os.pidfd_open(os.getpid())
    guard = os.fork()
    if guard:
        os.close(outer)
        return guard
    os.dup2(outer, 0)
    kernel.close_from(1)
    ended = select.poll()
    ended.register(0, select.POLLIN)
    ended.poll()
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    os._exit(0)


def _let_go_of_streams() -> None:
    """Whoever reads them waits until nobody holds their other end; 3 is the first process's line to the worker."""
    nothing = os.open("/dev/null", os.O_RDWR)
    for number in range(4):
        os.dup2(nothing, number)


def _wait(ends: list[int]) -> None:
    """Until one of the `ends` is reached."""
    poll = select.poll()
    for descriptor in ends:
        poll.register(descriptor, select.POLLIN)
    poll.poll()


def _end(inside: int) -> int:
    """Kill all that is left and wait until it is gone; returns the exit code of the first process."""
    code = 1
    while True:
        # It ends all at once: none can be forked away while the kernel goes through them.
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        try:
            pid, status = os.wait()
        except ChildProcessError:
            return code
        if pid == inside:
            code = os.waitstatus_to_exitcode(status)
            code = code if code >= 0 else 128 - code


def _report(order: Order, told: dict[str, object]) -> None:
    os.write(order.status, json.dumps(told).encode() + b"\n")


def _say(error: OSError) -> None:
    what = error.strerror if error.filename is None else f"{error.strerror}: {error.filename}"
    sys.stderr.write(f"confine: {what}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except OSError as error:
        _say(error)
        sys.exit(1)
