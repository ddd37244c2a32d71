"""The installation of a chaos run: a folder, ports, a broker and a database of its own, under a real bin/up.

bin/up may be killed like everything else; here it is started again, as systemd would.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

import settings
from models.errors import Misconfigured
from settings import PROJECT, Settings
from worker.chaos.postgresql import OwnPostgresql
from worker.chaos.tied import tied
from worker.installation import health, leftovers, record
from worker.installation.ports import free_port
from worker.installation.record import Recorded

LOOPBACK = "127.0.0.1"
STARTS_WITHIN_S = 120.0
STOPS_WITHIN_S = 60.0
LAST_LINES = 8
_LOOK_EVERY_S = 0.1
_OTHERS = ("DATABASE_URL", "REDIS_URL", "PORT")
_KEPT = ("OPSCORE_TOOL_ENV",)


class Place:
    """Everything that the run started; `told` are its settings, which are this process's from now on."""

    def __init__(self, database: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="opscore-chaos-"))
        # The database's server may run as another user, who must come through.
        self.folder.chmod(0o711)
        self.ledger = self.folder / "ledger.jsonl"
        self.postgresql: OwnPostgresql | None = None
        self._process: subprocess.Popen[bytes] | None = None
        if database == "postgresql":
            own = self.folder / "postgresql"
            own.mkdir(mode=0o700)
            self.postgresql = OwnPostgresql(own)
        self.told = self._settle()

    @property
    def logs(self) -> Path:
        """Where each process's output is."""
        return self.told.data_dir / "logs"

    def start(self) -> None:
        """Start all of it; returns when the pages answer.

        Raises:
            Misconfigured: it did not start; the message names its log.
        """
        if self.postgresql:
            self.postgresql.start()
        self.start_supervisor()
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not self.is_whole():
            if self.supervisor_has_ended() or time.monotonic() > deadline:
                # The words themselves: the folder goes.
                said = self._log.read_text(errors="replace").strip().splitlines()[-LAST_LINES:]
                raise Misconfigured("cannot start the installation; what it said last: " + " / ".join(said))
            time.sleep(_LOOK_EVERY_S)

    def start_supervisor(self) -> None:
        """Start bin/up, and do not wait for it."""
        command = [sys.executable, "-m", "worker.installation.up", "--no-sample"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                tied(command), cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def supervisor_has_ended(self) -> bool:
        """Whether bin/up is gone."""
        return self._process is None or self._process.poll() is not None

    def wait_for_supervisor(self) -> None:
        """Return when bin/up, which was killed, is gone."""
        if self._process is not None:
            self._process.wait(timeout=STOPS_WITHIN_S)

    def is_whole(self) -> bool:
        """Whether every role has a process, and the pages answer."""
        names = {each.name for each in self.processes()}
        return names >= {"broker", "web", "scout", "builder", "reconciler"} and health.answers(self.told)

    def processes(self) -> list[Recorded]:
        """What bin/up has started and what is alive of it."""
        running = record.read(self.told)
        if running is None:
            return []
        return [each for each in running.processes if each.process() is not None]

    def supervisor(self) -> psutil.Process | None:
        """bin/up's process, once it keeps the others."""
        running = record.read(self.told)
        return running.supervisor.process() if running else None

    def stop(self) -> list[str]:
        """End all of it in order; returns what was left behind, which is killed too."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=STOPS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        left = leftovers.find(self.told)
        leftovers.end(self.told)
        if self.postgresql:
            self.postgresql.stop()
        return left

    def remove(self) -> None:
        """Delete the folder with everything in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        # Where the folder's path is too long for a socket, the broker's is elsewhere.
        shutil.rmtree(self.told.broker_socket.parent, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self.folder / "up.log"

    def _settle(self) -> Settings:
        """Make this process, and so its children, belong to the new installation."""
        for name in list(os.environ):
            if (name.startswith("OPSCORE_") and name not in _KEPT) or name in _OTHERS:
                del os.environ[name]
        os.environ |= {
            "OPSCORE_DATA_DIR": str(self.folder / "data"),
            "OPSCORE_PORT": str(free_port(LOOPBACK, 0)),
            "OPSCORE_FLOWER_PORT": str(free_port(LOOPBACK, 0)),
            "OPSCORE_DRILL_LEDGER": str(self.ledger),
        }
        if self.postgresql:
            os.environ["OPSCORE_DATABASE_URL"] = self.postgresql.url
        settings.load.cache_clear()
        told = settings.load()
        told.data_dir.mkdir(mode=0o700)
        return told
