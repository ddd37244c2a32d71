"""An OpsCore that bin/up starts for a test, and what is left of it afterwards."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

import settings
from worker.installation import leftovers, record

FOREIGN = ("DATABASE_URL", "REDIS_URL", "PORT")
STARTS_WITHIN_S = 90.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**told: str) -> dict[str, str]:
    """This process's environment without settings of OpsCore, but for these."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("OPSCORE_")}
    return {name: value for name, value in mine.items() if name not in FOREIGN} | told


def wait_until(is_so: Callable[[], bool], what: str, within_s: float = 30.0) -> None:
    """Return when it is so; fail the test where it takes too long."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.1)


@dataclass
class Started:
    """One data folder, and the bin/up that runs on it."""

    data: Path
    root: Path = settings.PROJECT
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def told(self) -> settings.Settings:
        """The settings of its processes."""
        return settings.Settings(data_dir=self.data, port=self.port)

    @property
    def printed(self) -> str:
        """What bin/up wrote to its terminal so far."""
        return self._terminal.read_text(encoding="utf-8")

    def run(self, script: str, *options: str, **told: str) -> "subprocess.CompletedProcess[str]":
        """Run a script of bin/ on this data folder to its end."""
        return subprocess.run(
            [self.root / "bin" / script, "--data", self.data, *options],
            env=environment(OPSCORE_FLOWER_PORT=str(free_port()), **told),
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def start(self, *options: str, **told: str) -> None:
        """Start bin/up and wait until it has shown its address; `told` are settings."""
        with self._terminal.open("wb") as output:
            self.process = subprocess.Popen(
                [self.root / "bin" / "up", "--data", self.data, "--port", str(self.port), *options],
                env=environment(OPSCORE_FLOWER_PORT=str(free_port()), **told),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        wait_until(lambda: "Stop  " in self.printed or self._has_ended(), "the address is shown", STARTS_WITHIN_S)
        assert not self._has_ended(), self.printed

    def end(self, number: signal.Signals) -> int:
        """Send the signal to bin/up and wait; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def pid(self, name: str) -> int | None:
        """The pid of that process as the record has it."""
        now = record.read(self.told)
        return next((each.pid for each in now.processes if each.name == name), None) if now else None

    def left(self) -> list[str]:
        """Processes of this data folder that are there now, whoever started them."""
        return leftovers.find(self.told)

    def sign_in_address(self) -> str:
        """The link that bin/up showed."""
        found = re.search(r"http://\S+/sign-in/\S+", self.printed)
        assert found, self.printed
        return found.group()

    def clean(self) -> None:
        """End whatever is left, at the end of a test; in order where that works, so that coverage is kept."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        now = record.read(self.told)
        if now and (supervisor := now.supervisor.process()):
            supervisor.kill()
            psutil.wait_procs([supervisor], timeout=10)
        leftovers.end(self.told)

    @property
    def _terminal(self) -> Path:
        return self.data.with_name(f"{self.data.name}.terminal")

    def _has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None
