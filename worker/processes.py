"""What each process of a worker needs: logs, a database of its own after the fork, an app context."""

import gc
import logging
import os
from typing import Any

from celery import Celery, signals

import settings
from models.database import bare_app, db
from tasks import live, logs
from worker.installation.tether import end_with_parent


def prepare(app: Celery) -> None:
    """Connect the signals; called once, when the app is made."""
    signals.setup_logging.connect(_log, weak=False)
    signals.worker_process_init.connect(_start_child, weak=False)
    app.flask = None


def flask_app(app: Celery) -> Any:
    """The Flask app that gives this worker its database; made on first use."""
    if app.flask is None:
        app.flask = bare_app(settings.load())
    return app.flask


def _log(**_: Any) -> None:
    logs.configure(settings.load(), "agent")
    # Celery tells of every message twice at this level; the task's own lines say more.
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _start_child(**_: Any) -> None:
    from worker.app import app  # the signal comes without it, and the module that makes it imports this one

    # A worker that was killed would leave this process behind, and what it runs.
    end_with_parent(os.getppid())
    context = flask_app(app).app_context()
    context.push()
    # The parent's connections are its own: close none of them, use none of them.
    db.engine.dispose(close=False)
    live.channel.cache_clear()
    # What the parent has made is needed as long as this process lives: nobody need look whether it is garbage.
    gc.freeze()
    logs.logger(__name__).info("worker.child_started", pid=os.getpid())
