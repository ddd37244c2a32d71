"""A demo model for tests: in a thread of the test, or as the real process that `bin/opscore demo model` is.

The script decides by the conversation (worker/demo/choice.py); `log()` is what the server itself counted.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from settings import PROJECT
from tests.support.started import free_port, wait_until
from worker.demo.script import parse
from worker.demo.server import ModelServer


@contextmanager
def playing(script: Any, port: int = 0, log: Path | None = None) -> Iterator[ModelServer]:
    """A server in this process that plays the script, which is data as in a file."""
    server = ModelServer(parse(script), port, log)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def demo_model() -> Iterator[ModelServer]:
    """A server in this process; a test gives it its script: `demo_model.script = parse([...])`."""
    with playing([]) as server:
        yield server


class DemoProcess:
    """`bin/opscore demo model` as a process of its own, on one port and one log through restarts."""

    def __init__(self, script: Any, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.script_file = folder / "script.json"
        self.script_file.write_text(json.dumps(script), encoding="utf-8")
        self.log_file = folder / "requests.jsonl"
        self._output = folder / "demo-model.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = ["demo", "model", "--port", str(self.port), "--script", str(self.script_file)]
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "worker.command_line", *command, "--log", str(self.log_file)],
                cwd=PROJECT, env=dict(os.environ), stdout=output, stderr=output,
            )  # fmt: skip
        wait_until(self._answers, f"the demo model answers; see {self._output}", 60)

    def log(self) -> list[dict[str, Any]]:
        """Every request that it got, oldest first."""
        return list(requests.get(f"http://127.0.0.1:{self.port}/log", timeout=10).json()["requests"])

    def kill(self) -> None:
        """End it as a machine that dies does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/models", timeout=2).status_code in (200, 401)
        except requests.RequestException:
            return False


@contextmanager
def demo_process(script: Any, folder: Path) -> Iterator[DemoProcess]:
    """A running DemoProcess that is gone afterwards."""
    demo = DemoProcess(script, folder)
    demo.start()
    try:
        yield demo
    finally:
        demo.kill()
