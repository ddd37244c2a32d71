"""The one Celery task: somebody was woken, so look into the database for work.

The message decides nothing: what is claimed is the best row of the queues that this worker
serves, or nothing at all.
"""

import os
import socket
import sys
from dataclasses import dataclass

import psutil
from celery import Task as CeleryTask
from celery import shared_task
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from models import scope
from models.claim import Claim, Claimant, Fenced, claim
from models.database import after_commit, writing
from models.errors import OpsCoreError
from tasks import canary, live
from tasks.broker import BROKER_ERRORS, WAKE_UP, send_wake_up
from tasks.execution import execute
from tasks.ledger import Ledger
from tasks.logs import bind, logger

DATABASE_AWAY = (OperationalError, InterfaceError)
"""What a database raises that cannot be reached; its other errors are about what was written."""
log = logger(__name__)


@dataclass(frozen=True)
class Served:
    """Whom this worker serves; the worker sets it on its app as `app.served` before its pool starts."""

    agent: str
    worker_id: str
    queues: tuple[str, ...]


@shared_task(name=WAKE_UP, bind=True, ignore_result=True)
def work(self: CeleryTask, hint: str = "") -> None:
    """Claim one task and work on it until it ended; do nothing where there is none."""
    woken = (self.request.delivery_info or {}).get("routing_key")
    if hint == canary.HINT and woken:
        canary.note_taken(woken)
    taken = _take(self.app.served)
    if taken is None:
        return
    if woken and woken != taken.queue:
        _pass_on(woken, hint)
    with scope.acting(f"agent:{taken.agent}", taken.tenant), bind(task=taken.task_id, run=taken.run_number):
        log.info("task.claimed", agent=taken.agent)
        try:
            execute(taken)
        except Fenced as error:
            log.warning("run.fenced", error=str(error))
        except DATABASE_AWAY as error:
            _give_up(error)
        except Exception as error:  # noqa: BLE001  (logged by _fail; no error may leave its task running)
            _fail(taken, error)
        log.info("run.ended")


def _fail(taken: Claim, error: Exception) -> None:
    told = f"cannot go on: an error inside OpsCore ({type(error).__name__}); the agent's log tells more"
    try:
        Ledger(taken).fail(OpsCoreError(told))
    except Fenced as fence:
        # Its successor took its folder away; what it tripped over after that is no error.
        log.warning("run.fenced", error=str(fence), broke=repr(error))
        return
    except DBAPIError as lost:
        log.error("run.broke", exc_info=error)
        _give_up(lost)
    log.error("run.broke", exc_info=error)


def _pass_on(queue: str, hint: str) -> None:
    """Wake the queue again: its message has led to a task of another queue, whose own message is still to come.

    A queue then never holds fewer messages than tasks; that agents share some queues and not others
    would otherwise leave tasks lying until the reconciler's next round.
    """
    try:
        send_wake_up(queue, hint)
    except BROKER_ERRORS as error:
        log.warning("broker.down", queue=queue, error=str(error))


def _give_up(error: DBAPIError) -> None:
    """End this process.  The run's row says that it is ours as long as we live, and we cannot write that it is not."""
    log.error("database.lost", error=str(error.orig))
    sys.stderr.flush()
    os._exit(1)


def _take(served: Served) -> Claim | None:
    try:
        with scope.wide(f"agent:{served.agent}"), writing() as session:
            taken = claim(session, list(served.queues), claimant(served))
            if taken is not None:
                # A claim's event is not numbered for the hint: any number makes the streams look.
                after_commit(session, lambda: live.hint("task", taken.task_id, 0))
            return taken
    except DBAPIError as error:
        if error.connection_invalidated:
            # The claim may stand all the same: the answer to the commit is what was lost.
            _give_up(error)
        raise


def claimant(served: Served) -> Claimant:
    """This process, as the run's row names it."""
    me = psutil.Process(os.getpid())
    return Claimant(served.agent, served.worker_id, socket.gethostname(), me.pid, me.create_time())
