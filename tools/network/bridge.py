"""Lead programs in a sandbox to their call's proxy: run inside, by a bare Python, and never imported.

    python -I -S bridge.py SOCKET -- COMMAND…

Programs know a proxy by host and port, and the proxy is a unix socket: this listens on loopback, which in the
sandbox is nobody else's, and passes bytes on to the socket.  It starts COMMAND with the variables that programs
read for a proxy, hands it every signal, and ends as it ends.  Start-up counts, so little is imported.
"""

import os
import select
import signal
import socket
import sys

CHUNK_BYTES = 65536
MOST = 128
"""Connections at once; more wait to be taken."""
PROXY = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
AROUND = ("NO_PROXY", "no_proxy")
PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


class Way:
    """One direction of a connection: `waiting` came from the source and was not taken by the target yet."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self.waiting = b""
        self.is_over = False

    @property
    def waits_for(self) -> tuple[int, int]:
        """The descriptor, and what must be possible with it."""
        return (self.target.fileno(), select.POLLOUT) if self.waiting else (self.source.fileno(), select.POLLIN)

    def move(self) -> None:
        """Move what can be moved without waiting."""
        try:
            self.waiting = self.waiting or self.source.recv(CHUNK_BYTES)
            if not self.waiting:
                self.end()
            else:
                self.waiting = self.waiting[self.target.send(self.waiting) :]
        except BlockingIOError:
            return
        except OSError:
            self.end()

    def end(self) -> None:
        """Nothing more goes this way."""
        self.waiting, self.is_over = b"", True
        try:
            self.target.shutdown(socket.SHUT_WR)
        except OSError:
            return  # it is gone already


class Bridge:
    """The listening socket and every connection."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(MOST)
        self.listener.setblocking(False)
        self.pairs: list[tuple[Way, Way]] = []

    def address(self) -> str:
        """What the variables of a proxy hold."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def turn(self, signals: int) -> None:
        """Wait until something can be moved or a signal comes, and move it."""
        wanted = {signals: select.POLLIN}
        if len(self.pairs) < MOST:
            wanted[self.listener.fileno()] = select.POLLIN
        for way in self.going():
            descriptor, event = way.waits_for
            wanted[descriptor] = wanted.get(descriptor, 0) | event
        ready = wait(wanted)
        for way in self.going():
            if way.waits_for[0] in ready:
                way.move()
        if self.listener.fileno() in ready:
            self.take()
        self.pairs = [pair for pair in self.pairs if not closed(pair)]

    def going(self) -> list[Way]:
        """The directions in which something may still come."""
        return [way for pair in self.pairs for way in pair if not way.is_over]

    def take(self) -> None:
        """Take one connection and lead it to the proxy."""
        try:
            near, _ = self.listener.accept()
        except OSError:
            return  # whoever it was went away
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(self.path)
        except OSError:
            near.close()
            far.close()
            return
        near.setblocking(False)
        far.setblocking(False)
        self.pairs.append((Way(near, far), Way(far, near)))


def wait(wanted: dict[int, int]) -> set[int]:
    """The descriptors with which something is possible."""
    poll = select.poll()
    for descriptor, event in wanted.items():
        poll.register(descriptor, event)
    return {descriptor for descriptor, _ in poll.poll()}


def closed(pair: tuple[Way, Way]) -> bool:
    """Whether both directions are over; then the connection is closed."""
    if not all(way.is_over for way in pair):
        return False
    for way in pair:
        way.source.close()
    return True


def start(command: list[str], address: str) -> int:
    """The pid of the command, which has the variables and default signals."""
    pid = os.fork()
    if pid:
        return pid
    environment = {name: value for name, value in os.environ.items() if name not in AROUND}
    try:
        os.execvpe(command[0], command, environment | dict.fromkeys(PROXY, address))  # noqa: S606  (no shell is wanted)
    except OSError as error:
        os.write(2, f"cannot start {command[0]}: {error.strerror}\n".encode(errors="replace"))
        os._exit(126 if isinstance(error, PermissionError) else 127)


def exit_code(pid: int) -> int | None:
    """The command's exit code as a shell would say it; None while it runs."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        return None
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def main(path: str, command: list[str]) -> int:
    """Bridge until the command ends."""
    bridge = Bridge(path)
    signals, waking = os.pipe()
    os.set_blocking(signals, False)
    os.set_blocking(waking, False)
    pid = start(command, bridge.address())
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, *PASSED_ON):
        signal.signal(number, lambda *_: None)
    while (code := exit_code(pid)) is None:
        bridge.turn(signals)
        pass_on(signals, pid)
    return code


def pass_on(signals: int, pid: int) -> None:
    """Hand the signals that came to the command."""
    try:
        came = os.read(signals, 64)
    except BlockingIOError:
        return
    for number in came:
        if number in PASSED_ON:
            os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[3:]))
