"""Gunicorn's options only: where the web process listens, and how it stops.  Found by gunicorn by its name.

One process with threads: a page that is open in a browser holds a stream, and a stream holds a thread.
"""

import os

import settings
from worker.installation.tether import end_with_parent

_told = settings.load()


def _host() -> str:
    """The host of the settings; on a platform every address, since its router comes from outside."""
    # honcho gives PORT too, and bin/up may inherit it: both are on somebody's own machine.
    is_ours = {"OPSCORE_HOST", "OPSCORE_INSTALLATION", "HONCHO_PROCESS_NAME"} & set(os.environ)
    return "0.0.0.0" if "PORT" in os.environ and not is_ours else _told.host  # noqa: S104


_address = _host()
bind = f"[{_address}]:{_told.port}" if ":" in _address else f"{_address}:{_told.port}"
worker_class = "gthread"
workers = 1
threads = _told.web_threads
timeout = 60
# Open streams end by themselves when the process is told to stop; a slow download gets this long.
graceful_timeout = 5
control_socket_disable = True
# The longest search, of signs that take twelve letters each in an address, must fit.
limit_request_line = 8190


def post_fork(_server: object, _worker: object) -> None:
    """A worker whose master was killed would go on for its open streams, and keep the port."""
    end_with_parent(os.getppid())
