"""The reconciler's process: a round every ten seconds, until it is told to stop.

What a round does: tasks/reconcile.py.  `python -m worker.reconciler`
"""

import signal
import threading
from types import FrameType

from sqlalchemy.exc import SQLAlchemyError

import settings
from models import scope
from models.database import bare_app
from tasks import logs
from tasks.reconcile import EVERY, reconcile

AUTHOR = "system:reconciler"


def main() -> None:
    """Reconcile until SIGTERM or SIGINT."""
    told = settings.load()
    logs.configure(told, "reconciler")
    log = logs.logger(__name__)
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with bare_app(told).app_context(), scope.wide(AUTHOR):
        log.info("reconciler.started")
        while not stopping.is_set():
            try:
                done = reconcile()
            except SQLAlchemyError as error:
                # The database is away: the next round finds what this one would have.
                log.warning("round.lost", error=str(error))
            else:
                if any(vars(done).values()):
                    log.info("round.done", **vars(done))
            stopping.wait(EVERY.total_seconds())
        log.info("reconciler.stopped")


if __name__ == "__main__":
    main()
