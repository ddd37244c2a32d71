"""What there is on a host for attacks to get at: files, servers, processes, a neighbour, OpsCore's own things.

All of it belongs to whoever runs this, as a worker's would.  Attacks see it as the fields of `host`.
"""

import ctypes
import json
import os
import random
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import settings
from tests.support.boxed import new_marker

SECRET = "sesame"

# It holds the secret in its memory and in a file that it has open, and lets everybody trace it.
VICTIM = """
import ctypes, json, os, signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: open(sys.argv[2], "w").close())
held = ctypes.create_string_buffer(b"sesame-in-memory")
opened = os.memfd_create("victims")
os.write(opened, b"sesame-in-a-descriptor")
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1))
print(json.dumps({"address": ctypes.addressof(held), "descriptor": opened}), flush=True)
while True: time.sleep(600)
"""


@contextmanager
def prey(folder: Path) -> Iterator[dict[str, Any]]:
    """Everything, in a new folder; gone afterwards."""
    folder.mkdir()
    with ExitStack() as stack:
        yield {
            **_files(folder),
            **stack.enter_context(_on_tmp()),
            **stack.enter_context(_servers(folder)),
            **stack.enter_context(_memory()),
            **stack.enter_context(_victim(folder)),
            **stack.enter_context(_opscore(folder / "var")),
            "environment_secret": os.environ["OPSCORE_SECRET_KEY"],
            "worker": os.getpid(),
            "daemon_marker": new_marker(),
        }


def _files(folder: Path) -> dict[str, Any]:
    (folder / "secret.txt").write_text(f"{SECRET}-in-a-file")
    (folder / "precious.txt").write_text("precious")
    (folder / "drop").mkdir()
    return {
        "secret": f"{SECRET}-in-a-file",
        "folder": str(folder),
        "secret_path": str(folder / "secret.txt"),
        "precious": str(folder / "precious.txt"),
        "drop": str(folder / "drop"),
    }


@contextmanager
def _on_tmp() -> Iterator[dict[str, Any]]:
    """Files where every program may write: another's temporary file, and one in shared memory."""
    names = {"tmp_path": f"/tmp/opscore-{new_marker()}", "shm_path": f"/dev/shm/opscore-{new_marker()}"}
    for path in names.values():
        Path(path).write_text(f"{SECRET}-in-a-file")
    try:
        yield names
    finally:
        for path in names.values():
            Path(path).unlink(missing_ok=True)


@contextmanager
def _servers(folder: Path) -> Iterator[dict[str, Any]]:
    abstract = f"opscore-{random.randrange(10**9)}"
    streams = {
        "port": _listening(socket.AF_INET, ("127.0.0.1", 0)),
        "port6": _listening(socket.AF_INET6, ("::1", 0)) if _has_ipv6() else None,
        "socket_path": _listening(socket.AF_UNIX, str(folder / "socket")),
        "abstract": _listening(socket.AF_UNIX, f"\0{abstract}"),
    }
    packets = {
        "udp_port": _bound(socket.AF_INET, ("127.0.0.1", 0)),
        "datagram_path": _bound(socket.AF_UNIX, str(folder / "datagrams")),
    }
    opened = [each for each in (*streams.values(), *packets.values()) if each is not None]
    for server in opened:
        deed = _greet if server.type == socket.SOCK_STREAM else _answer
        threading.Thread(target=deed, args=(server,), daemon=True).start()
    calling = threading.Event()
    port = free_port()
    threading.Thread(target=_call_in, args=(port, calling), daemon=True).start()
    try:
        yield {
            "port": _port(streams["port"]),
            "port6": _port(streams["port6"]),
            "udp_port": _port(packets["udp_port"]),
            "socket_path": str(folder / "socket"),
            "datagram_path": str(folder / "datagrams"),
            "abstract": abstract,
            "called_port": port,
        }
    finally:
        calling.set()
        _end(opened)


def _port(server: socket.socket | None) -> int:
    return server.getsockname()[1] if server else 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return _port(server)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as server:
            server.bind(("::1", 0))
    except OSError:
        return False
    return True


def _listening(family: int, address: Any) -> socket.socket:
    server = socket.socket(family)
    server.bind(address)
    server.listen()
    return server


def _bound(family: int, address: Any) -> socket.socket:
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.bind(address)
    return server


def _greet(server: socket.socket) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client, suppress(OSError):
            client.sendall(b"hello")


def _answer(server: socket.socket) -> None:
    while True:
        try:
            said, whence = server.recvfrom(99)
        except OSError:
            return
        if not said:
            return
        with suppress(OSError, TypeError):  # who has no address cannot be answered
            server.sendto(b"hello", whence)


def _call_in(port: int, ended: threading.Event) -> None:
    """Somebody on the host who greets whatever listens at the port."""
    while not ended.wait(0.05):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as client:
            client.sendall(b"hello")


@contextmanager
def _memory() -> Iterator[dict[str, Any]]:
    """Memory, semaphores and messages that the processes of a user share."""
    libc = ctypes.CDLL(None)
    key = random.randrange(1, 2**30)
    memory, semaphores, messages = libc.shmget(key, 4096, 0o1666), libc.semget(key, 1, 0o1666), libc.msgget(key, 0o1666)
    try:
        yield {"shared_key": key}
    finally:
        libc.shmctl(memory, 0, None)
        libc.semctl(semaphores, 0, 0)
        libc.msgctl(messages, 0, None)


@contextmanager
def _victim(folder: Path) -> Iterator[dict[str, Any]]:
    marker, signalled = new_marker(), folder / "signalled"
    with started(sys.executable, "-I", "-S", "-c", VICTIM, marker, str(signalled)) as victim:
        assert victim.stdout is not None
        yield {
            "marker": marker,
            "signalled": str(signalled),
            "victim": victim.pid,
            "memory_secret": f"{SECRET}-in-memory",
            **json.loads(victim.stdout.readline()),
        }


@contextmanager
def _opscore(data: Path) -> Iterator[dict[str, Any]]:
    """An installation's database, secrets, history, broker and API."""
    data.mkdir()
    told = settings.Settings(data_dir=data)
    with sqlite3.connect(data / "opscore.db") as database:
        database.execute("CREATE TABLE task (title TEXT)")
        database.execute("INSERT INTO task VALUES ('sesame-in-a-row')")
    database.close()
    (data / "history").mkdir()
    (data / "history" / "blob").write_text(f"{SECRET}-in-a-blob")
    environment = {**os.environ, "OPSCORE_DATA_DIR": str(data)}
    program = (sys.executable, "-m", "worker.installation.broker")
    with started(*program, env=environment, cwd=settings.PROJECT) as broker, _listening_api(told.token) as port:
        _wait_for(told.broker_socket, broker)
        yield {
            "data": str(data),
            "token": told.token,
            "broker": str(told.broker_socket),
            "api_port": port,
            "project": str(settings.PROJECT),
        }


@contextmanager
def started(*command: str, **more: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is killed at the end, whatever happens meanwhile."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, **more) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def _listening_api(token: str) -> Iterator[int]:
    api = _listening(socket.AF_INET, ("127.0.0.1", 0))
    threading.Thread(target=_serve_api, args=(api, token), daemon=True).start()
    try:
        yield _port(api)
    finally:
        _end([api])


def _end(servers: list[socket.socket]) -> None:
    for server in servers:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()


def _wait_for(path: Path, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline, "the broker did not start"
        time.sleep(0.05)


def _serve_api(server: socket.socket, token: str) -> None:
    """Somebody who answers as OpsCore's API does: to those who have the token."""
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client, suppress(OSError):
            allowed = token.encode() in client.recv(4096)
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello" if allowed else b"HTTP/1.1 401 Unauthorized\r\n\r\n")
