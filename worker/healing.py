"""What a worker does about being deaf: it starts its consumer anew, and if that does not help, ends itself.

The reconciler finds out (tasks/queueing/canary.py) and writes it in the worker's row, which the beat reads.  Who is
ended is started again by its supervisor.
"""

import os
import signal
import time
from datetime import datetime
from typing import Any

from tasks.logs import logger
from worker.subscription import Subscription, subscribe

PATIENCE_S = 30.0
"""How long each cure may take to show: the next canary has to be sent and taken."""
log = logger(__name__)


class Deaf(ConnectionError):
    """Raised inside the consumer: Celery starts it anew, as after any lost connection."""


class Healing:
    """The worker's cures, the mildest first, while it is deaf."""

    def __init__(self, worker: Any, chosen: Subscription) -> None:
        self.worker = worker
        self.chosen = chosen
        self._tried_at: float | None = None
        self._cures = [self._restart_consumer, self._end_in_order, self._end]
        self._left = list(self._cures)

    def look(self, deaf_since: datetime | None) -> None:
        """Try the next cure when the one before has had its time; forget all of them once the worker hears again."""
        if deaf_since is None:
            self._tried_at, self._left = None, list(self._cures)
            return
        at = time.monotonic()
        if self._left and (self._tried_at is None or at - self._tried_at > PATIENCE_S):
            self._tried_at = at
            self._left.pop(0)()

    def _restart_consumer(self) -> None:
        log.warning("worker.deaf", cure="its consumer is started anew")
        # Somebody may have told it to leave a queue; it is to serve what it is registered for.
        subscribe(self.worker.app, self.chosen)
        self.worker.consumer.call_soon(_break)

    def _end_in_order(self) -> None:
        log.error("worker.deaf", cure="it ends when its tasks are finished, to be started again")
        os.kill(os.getpid(), signal.SIGTERM)

    def _end(self) -> None:
        """For a main thread that obeys no signal; what its children hold is given back."""
        if len(self.worker.state.active_requests):
            self._left.append(self._end)
            return
        log.error("worker.deaf", cure="it ends at once, to be started again")
        os._exit(1)


def _break() -> None:
    raise Deaf("cannot hear: canaries lie untaken in the queues of this worker")
