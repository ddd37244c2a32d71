"""The agents' Python environment, made by a process of its own while the rest starts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from settings import PROJECT, Settings
from tools import environment
from worker.installation.child import TETHER


class ToolEnvironment:
    """Being made since the constructor, where it was not ready."""

    def __init__(self, told: Settings, log: Path) -> None:
        self.was_ready = environment.is_ready(told.tool_env)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        if not self.was_ready:
            self._process = self._start(told)

    @property
    def is_over(self) -> bool:
        """Whether it is ready, or cannot be made."""
        return self._process is None or self._process.poll() is not None

    @property
    def problem(self) -> str | None:
        """Why it could not be made, once that is so."""
        if self._process is None or not self._process.returncode:
            return None
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self._process.returncode}"

    def stop(self) -> None:
        """Give up what is not ready; the next start makes it anew."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _start(self, told: Settings) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tools.environment", str(told.tool_env)]
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-IS", str(TETHER), str(os.getpid()), *command],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
