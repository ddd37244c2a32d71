"""Notice within a second that a pool child is gone, and give back at once what it held.

Without this the lease would have to expire first.  A child that ended in order, at a warm shutdown or when the pool
shrinks, holds no run and is nobody's loss.  Other ways back: tasks/reconcile/rescue.py.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import psutil
from celery import bootsteps, signals
from sqlalchemy.exc import SQLAlchemyError

from models import scope
from tasks.broker import BROKER_ERRORS, fill
from tasks.logs import logger
from tasks.processes import is_alive
from tasks.queueing.wake_ups import wanted
from tasks.reconcile.rescue import give_back_dead, runs_here
from worker.forking import no_fork
from worker.pool import pids
from worker.processes import flask_app

LOOK_EVERY_S = 0.5
# Celery may hand a message to a child that has just died, and it is lost: look again whether enough are there.
TOP_UP_AFTER_S = (0.0, 1.5, 4.0)
log = logger(__name__)


class Children(bootsteps.StartStopStep):
    """A bootstep of the worker: it watches the pool from its start to the end of the last task."""

    requires = ("celery.worker.components:Pool",)

    def start(self, worker: Any) -> None:
        """Begin to watch."""
        served = worker.app.served
        back = GiveBack(flask_app(worker.app), served.agent, served.worker_id, served.queues)
        watch = Watch(lambda: pids(worker.pool), back)
        watch.start()
        # Not in stop(): the running tasks are finished after it.
        signals.worker_shutdown.connect(lambda **_: watch.ending.set(), weak=False)


class GiveBack:
    """Gives back the runs of this worker's dead children, and wakes its queues."""

    def __init__(self, flask: Any, agent: str, worker_id: str, queues: tuple[str, ...]) -> None:
        self.flask = flask
        self.agent = agent
        self.worker_id = worker_id
        self.queues = queues

    def runs(self) -> None:
        """Give back what dead children hold."""
        with no_fork(), self.flask.app_context(), scope.wide(f"agent:{self.agent}"):
            give_back_dead(runs_here(self.worker_id))

    def wake_ups(self) -> None:
        """Send the wake-ups that this worker's queues lack, for what was given back too."""
        with no_fork(), self.flask.app_context(), scope.wide(f"agent:{self.agent}"):
            missing = wanted(self.queues)
        try:
            # The pool need not wait for a broker that hangs.
            fill(missing)
        except BROKER_ERRORS as error:
            log.warning("broker.down", error=str(error))


class Watch(threading.Thread):
    """Looks twice a second whether the pool's processes are those of the time before."""

    def __init__(self, pids: Callable[[], list[int]], back: GiveBack) -> None:
        super().__init__(name="children", daemon=True)
        self.pids = pids
        self.back = back
        self.ending = threading.Event()
        self.known: dict[int, float] = {}
        self.due: list[float] = []
        self.is_owing = False

    def run(self) -> None:
        """Watch until the end; a database that is away is asked again at the next look."""
        while not self.ending.wait(LOOK_EVERY_S):
            try:
                self.look()
            except SQLAlchemyError as error:
                log.warning("children.database_away", error=str(error))
            except Exception:
                log.error("children.look_failed", exc_info=True)

    def look(self) -> None:
        """Give back what the children held that are gone since the last look."""
        at = time.monotonic()
        if self._has_changed():
            self.is_owing = True
            self.due = [at + after for after in TOP_UP_AFTER_S]
        if self.is_owing:
            self.back.runs()
            self.is_owing = False
        if self.due and self.due[0] <= at:
            self.due.pop(0)
            self.back.wake_ups()

    def _has_changed(self) -> bool:
        """Whether a child is gone, or a new one is there: it may replace one that came and died between two looks."""
        gone = [pid for pid, started_at in self.known.items() if not is_alive(pid, started_at)]
        for pid in gone:
            del self.known[pid]
        new = [pid for pid in self.pids() if pid not in self.known]
        for pid in new:
            if (started_at := _started_at(pid)) is not None:
                self.known[pid] = started_at
        return bool(gone or new)


def _started_at(pid: int) -> float | None:
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None
