"""The reconciler's process: quick and full rounds while it leads, until it is told to stop.

What rounds do: tasks/reconcile.  Who leads, of several: lead.py.  One that follows does what only a process of its
host can see, and is ready to take over.  `python -m worker.reconciler`
"""

import signal
import threading
import time
from types import FrameType

import redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

import settings
from models import scope
from models.database import bare_app
from tasks import live, logs
from tasks.queueing.canary import Watch
from tasks.reconcile import FULL_EVERY, QUICK_EVERY, Round, full, of_this_host, quick
from worker.lead import Lead, RoundCut

AUTHOR = "system:reconciler"
# Two hints in a row are one round: a flood of them must not make a busy loop.
REST_S = 0.1
HEALTH_S = 10
LISTEN_S = 1.0
log = logs.logger(__name__)


class Reconciler:
    """One process's rounds."""

    def __init__(self, stopping: threading.Event) -> None:
        self.lead = Lead(stopping)
        self.watch = Watch()
        self._full_at = 0.0

    def round(self) -> Round:
        """Do what is this process's to do now.

        Raises:
            RoundCut: the lead was lost in the middle.
        """
        was_mine = self.lead.is_mine
        if self.lead.ask() and not was_mine:
            log.info("lead.taken")
            self.watch, self._full_at = Watch(), 0.0
        is_full = time.monotonic() - self._full_at > FULL_EVERY.total_seconds()
        if is_full:
            self._full_at = time.monotonic()
        if not self.lead.is_mine:
            return of_this_host(is_full)
        return full(self.watch, self.lead.keep) if is_full else quick(self.lead.keep)


class Listener(threading.Thread):
    """Ends the wait for the next round when somebody hints at work; without Redis the second's wait must do."""

    def __init__(self, woken: threading.Event, stopping: threading.Event) -> None:
        super().__init__(name="hints", daemon=True)
        self.woken = woken
        self.stopping = stopping

    def run(self) -> None:
        """Listen until the process is to stop."""
        while not self.stopping.is_set():
            try:
                self._listen()
            except (RedisError, OSError) as error:
                log.info("hints.lost", error=str(error))
                time.sleep(live.REST_S)

    def _listen(self) -> None:
        # Asked now and then whether it is there: from a host that vanished no end of the connection is heard.
        asked = {"socket_connect_timeout": 1, "health_check_interval": HEALTH_S}
        client = redis.Redis.from_url(settings.load().redis, **asked)
        with client.pubsub(ignore_subscribe_messages=True) as heard:
            heard.subscribe(live.ROUNDS)
            while not self.stopping.is_set():
                if heard.get_message(timeout=LISTEN_S) is not None:
                    self.woken.set()


def main() -> None:
    """Reconcile until SIGTERM or SIGINT."""
    told = settings.load()
    logs.configure(told, "reconciler")
    stopping, woken = threading.Event(), threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()
        woken.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    Listener(woken, stopping).start()
    with bare_app(told).app_context(), scope.wide(AUTHOR):
        log.info("reconciler.started")
        reconciler = Reconciler(stopping)
        while not stopping.is_set():
            woken.clear()
            _one(reconciler)
            if not stopping.wait(REST_S):
                woken.wait(QUICK_EVERY.total_seconds() - REST_S)
        _leave(reconciler)


def _one(reconciler: Reconciler) -> None:
    try:
        done = reconciler.round()
    except (SQLAlchemyError, OSError) as error:
        # The database is away, or a disk refuses: the next round finds what this one would have.
        log.warning("round.lost", error=str(error))
    except RoundCut:
        log.info("round.cut")
    else:
        if any(vars(done).values()):
            log.info("round.done", **{name: number for name, number in vars(done).items() if number})


def _leave(reconciler: Reconciler) -> None:
    try:
        reconciler.lead.give_up()
        # Who follows need not wait for its next second.
        live.round_wanted()
    except SQLAlchemyError as error:
        log.warning("lead.not_given_up", error=str(error))
    log.info("reconciler.stopped")


if __name__ == "__main__":
    main()
