"""Real processes where pytest-celery expects containers: no Docker, the same questions answered.

`LocalProcess` has the shape of docker-py's container; `LocalBroker` and `LocalWorker` are what
pytest-celery's nodes wrap.  Who puts them together: installation.py, tests/integration/conftest.py.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import redis
from pytest_celery import CeleryTestContainer

from settings import PROJECT, Settings

PYTHON = sys.executable
CELERY = [PYTHON, "-m", "celery", "-A", "worker"]
NO_NETWORK = {"NetworkSettings": {"Networks": {}, "Ports": {}}, "HostConfig": {"PortBindings": {}}}


def wait_until(condition: Callable[[], Any], within_s: float = 30, what: str | Callable[[], str] = "") -> Any:
    """The first true value of the condition.  Fails when the time is up; `what` is asked only then."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            wanted = what() if callable(what) else what or getattr(condition, "__name__", condition)
            raise AssertionError(f"not within {within_s} s: {wanted}")
        time.sleep(0.03)
    return value


class LocalProcess:
    """A process, and all that it starts; its output goes to a log file that begins anew with each start."""

    attrs = NO_NETWORK

    def __init__(
        self, name: str, command: list[str], environment: dict[str, str], log: Path, root: Path = PROJECT
    ) -> None:
        self.name = name
        self.command = command
        self.environment = environment
        self.log = log
        self.root = root
        """Where the code is that it runs."""
        self.seen: dict[int, psutil.Process] = {}
        self._start()

    @property
    def id(self) -> str:
        return f"{self.process.pid:012}"

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def status(self) -> str:
        return "exited" if self.process.poll() is not None else "running"

    def reload(self) -> None:
        """Nothing is cached."""

    def logs(self) -> bytes:
        return self.log.read_bytes()

    def kill(self, signal: str | int | None = None) -> None:
        """Send the signal, SIGKILL unless named, to the process itself and to nothing below it."""
        self.note_descendants()
        self.process.send_signal(_number(signal))

    def restart(self, timeout: float = 10) -> None:
        """End it and all it started, and start it again."""
        self.end(timeout)
        self._start()

    def note_descendants(self) -> list[psutil.Process]:
        """The processes below it now; remembered, since the dead cannot be asked for their children."""
        if self.process.poll() is not None:
            return []
        below = psutil.Process(self.pid).children(recursive=True)
        self.seen |= {each.pid: each for each in below}
        return below

    def left(self) -> list[psutil.Process]:
        """What is alive of it: itself, what was seen below it, and what is in its session."""
        self.note_descendants()
        session = [each for each in psutil.process_iter() if _session_of(each.pid) == self.pid]
        return [each for each in [*self.seen.values(), *session] if _is_alive(each)]

    def end(self, timeout: float = 10) -> None:
        """Ask it to end; kill the whole of it when it does not.  Fails if anything is left even then."""
        self.note_descendants()
        if self.status == "running":
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        wait_until(lambda: not self._kill_what_is_left(), 30, f"processes left by {self.name}")

    def _kill_what_is_left(self) -> list[psutil.Process]:
        left = self.left()
        for each in left:
            try:
                each.kill()
            except psutil.NoSuchProcess:
                continue
        return left

    def _start(self) -> None:
        self.seen.clear()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


class _Container(CeleryTestContainer):
    """What every local container shares."""

    def __init__(self, process: LocalProcess) -> None:
        super().__init__(process)
        self.local = process

    def teardown(self) -> None:
        self.local.end()


class LocalBroker(_Container):
    """The embedded broker of an installation."""

    def __init__(self, told: Settings, environment: dict[str, str], log: Path) -> None:
        command = [PYTHON, "-m", "worker.installation.broker"]
        super().__init__(LocalProcess("broker", command, environment, log))
        self.told = told

    @property
    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.told.redis)

    @property
    def celeryconfig(self) -> dict[str, Any]:
        return {"url": self.told.broker, "host_url": self.told.broker, "hostname": "localhost", "port": 0, "vhost": "0"}

    @property
    def ready_prompt(self) -> str:
        return "Ready to accept connections"


class LocalWorker(_Container):
    """`celery -A worker worker …` with arguments and an environment of its own."""

    def __init__(
        self, name: str, arguments: list[str], environment: dict[str, str], log: Path, root: Path = PROJECT
    ) -> None:
        command = [*CELERY, "worker", *arguments, "--without-mingle", "--without-gossip", "--loglevel", "INFO"]
        super().__init__(LocalProcess(name, command, environment, log, root))

    @property
    def ready_prompt(self) -> str:
        return " ready."

    def worker_name(self) -> str:
        return self.name

    def worker_queue(self) -> str:
        return f"agent.{self.name}"


def pool_child(container: _Container) -> psutil.Process:
    """The one process of the worker's pool."""
    [child] = psutil.Process(container.local.pid).children()
    return child


def _number(named: str | int | None) -> int:
    if named is None:
        return signal.SIGKILL
    return named if isinstance(named, int) else signal.Signals[named]


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
