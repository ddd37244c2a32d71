"""The web application for tests: in this process, asked directly or over a socket, or as gunicorn runs it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from models.database import db
from settings import PROJECT, Settings
from tests.support.started import free_port, wait_until
from webapp import create_app

PLAYBOOK = {
    "name": "greet",
    "title": "Greet",
    "inputs": {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": False},
    "steps": [
        {
            "name": "greet",
            "stage": "build",
            "tool": "files.write",
            "with": {"path": "output/greeting.txt", "text": "Hello {{ inputs.name }}"},
        }
    ],
}


@dataclass
class Api:
    """The API in this process, asked with the installation's token."""

    client: FlaskClient
    token: str

    def ask(self, method: str, path: str, **options: object) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}  # type: ignore[dict-item]
        return self.client.open(path, method=method, headers=headers, **options)  # type: ignore[arg-type]


class LiveWeb:
    """A gunicorn with the web application, on one port through restarts."""

    def __init__(self, told: Settings, log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = told.token
        self._log = log
        self._environment = {**os.environ, "OPSCORE_DATA_DIR": str(told.data_dir), "OPSCORE_PORT": str(self.port)}
        if told.database_url:
            self._environment["OPSCORE_DATABASE_URL"] = told.database_url
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "webapp:create_app()"],
                cwd=PROJECT, env=self._environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        wait_until(self.answers, f"gunicorn answers; see {self._log}", 60)

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """End it with the signal; returns how many seconds it took."""
        if self.process is None:
            return 0.0
        begun = time.monotonic()
        if number is signal.SIGKILL:
            os.killpg(self.process.pid, number)  # its workers too: nobody is left to end them
        else:
            self.process.send_signal(number)
        self.process.wait(30)
        self.process = None
        return time.monotonic() - begun


@dataclass(frozen=True)
class Address:
    """Where a web application answers, and what it wants to be told."""

    url: str
    token: str


@contextmanager
def web_here(told: Settings) -> Iterator[Address]:
    """The web application in this process, on a socket: for clients, to whom it is as good as gunicorn, and quick."""
    port = free_port()
    app = create_app(told.model_copy(update={"port": port}))
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with capture_logs():  # gunicorn's are no part of what a client prints either
            yield Address(f"http://127.0.0.1:{port}", told.token)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        with app.app_context():
            db.engine.dispose()


@contextmanager
def live_web(told: Settings, log: Path) -> Iterator[LiveWeb]:
    """A running LiveWeb that is gone afterwards."""
    web = LiveWeb(told, log)
    web.start()
    try:
        yield web
    finally:
        web.stop(signal.SIGKILL)
