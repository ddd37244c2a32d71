"""Fork the children of the pool while no thread is at the database and no connection to it is open.

SQLite keeps the locks of a process in its memory.  A child forked within a thread's transaction inherits them as
its own, with nobody to let go: each of its writes fails with "database is locked" for as long as it lives.  Nor may
it close a connection that it inherited (https://sqlite.org/howtocorrupt.html, 2.6).
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from flask import Flask

from models.database import db

# Longer than SQLite waits for another process; a PostgreSQL that hangs must not hang the worker, and there a child
# inherits no lock.
WAIT = timedelta(seconds=20)
_lock = threading.RLock()


@contextmanager
def no_fork() -> Iterator[None]:
    """What a thread does at the database: a fork waits until it is over."""
    with _lock:
        yield


def fork_without_connections(flask: Flask) -> None:
    """Have every fork of this process, from now on, wait for `no_fork` and close the connections first."""

    def close_connections() -> None:
        _lock.acquire(timeout=WAIT.total_seconds())
        with flask.app_context():
            db.engine.dispose()

    os.register_at_fork(before=close_connections, after_in_parent=_go_on, after_in_child=_go_on)


def _go_on() -> None:
    with suppress(RuntimeError):  # not ours: it was waited for in vain
        _lock.release()
