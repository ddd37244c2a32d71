"""The one Celery task: somebody was woken, so look into the database for work.

The message decides nothing: what is claimed is the best row of the queues that this worker
serves, or nothing at all.
"""

import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import psutil
from celery import Task as CeleryTask
from celery import shared_task
from sqlalchemy.orm import Session

import settings
from models import scope
from models.claim import Claim, Claimant, Fenced, Lost, claim, claimed
from models.columns import new_id
from models.database import after_commit, reading, writing
from models.errors import OpsCoreError
from tasks import live
from tasks.broker import BROKER_ERRORS, WAKE_UP, send_wake_up
from tasks.logs import bind, logger
from tasks.queueing import canary
from tasks.runs import heart
from tasks.runs.execution import execute, fail_or_cancel
from tasks.runs.fenced_writes import DATABASE_AWAY, pauses
from tasks.runs.ledger import Ledger
from tasks.runs.outcome import describe
from tasks.runs.wishes import Pulse, uptime
from tools import triggers

DRAIN_FOR_S = 1.0
"""Within one wake-up; a worker that shuts down, or is asked something by its operator, answers after it."""
log = logger(__name__)


def not_ending() -> bool:
    """Nobody shuts this worker down."""
    return False


@dataclass(frozen=True)
class Served:
    """Whom this worker serves; the worker sets it on its app as `app.served` before its pool starts."""

    agent: str
    worker_id: str
    queues: tuple[str, ...]
    is_ending: Callable[[], bool] = not_ending
    """Whether the worker is shutting down."""


@shared_task(name=WAKE_UP, bind=True, ignore_result=True)
def work(self: CeleryTask, hint: str = "") -> None:
    """Claim a task and work on it until its run ended; after short ones another; do nothing where there is none.

    A wake-up costs the broker and this worker as much as a short task does.  Whoever drains leaves the messages of
    the tasks that it took, and each finds nothing later, which costs one look.
    """
    served = self.app.served
    woken = (self.request.delivery_info or {}).get("routing_key")
    if hint == canary.HINT and woken:
        canary.note_taken(woken)
    drain = Drain(served, claimant(served), time.monotonic() + DRAIN_FOR_S)
    taken = drain.take()
    if taken is not None and woken and woken != taken.claim.queue:
        _pass_on(woken, hint)
    while taken is not None:
        drain.taken = None
        _work_on(taken, drain)
        taken = drain.taken or drain.found() or (drain.take() if drain.goes_on() else None)


@dataclass(frozen=True)
class Taken:
    """A claim, and when it was asked for, by `uptime`."""

    claim: Claim
    asked_at: float


@dataclass
class Drain:
    """One wake-up's way through the queues."""

    served: Served
    claimant: Claimant
    until: float
    taken: Taken | None = None
    """What was claimed in the transaction that ended the run before."""
    doubted: tuple[str, float] | None = None
    """Of a claim in a transaction of which nobody knows whether it stands: its run's id, and when it was asked for."""

    def goes_on(self) -> bool:
        """Whether another task may be taken."""
        return not self.served.is_ending() and time.monotonic() < self.until

    def take_within(self, session: Session) -> Callable[[], None]:
        """Claim the next task in the transaction that ends this one: both stand, or neither."""
        run_id, asked_at = new_id(), uptime()
        taken = self._claim(session, run_id) if self.goes_on() else None
        self.doubted = (run_id, asked_at) if taken is not None else None

        def follow() -> None:
            self.taken, self.doubted = Taken(taken, asked_at) if taken is not None else None, None

        return follow

    def found(self) -> Taken | None:
        """What was claimed within the end of a run that left before it knew whether that stands; nobody else has it."""
        if self.doubted is None:
            return None
        (run_id, asked_at), self.doubted = self.doubted, None
        taken = _found(run_id, asked_at + settings.load().run_lease_s, self.served.agent)
        return Taken(taken, asked_at) if taken is not None else None

    def take(self) -> Taken | None:
        """Claim a task.  The claim of a commit whose answer was lost is looked for by its run's id."""
        run_id, asked_at, is_in_doubt = new_id(), uptime(), False
        try:
            with writing() as session:
                taken = self._claim(session, run_id)
                is_in_doubt = taken is not None
                triggers.at("claim.before_commit")
            triggers.at("claim.after_commit")
        except DATABASE_AWAY as error:
            log.warning("database.away", error=str(error.orig))
            # Without a claim there is nothing to lose: the reconciler wakes again.
            until = asked_at + settings.load().run_lease_s
            taken = _found(run_id, until, self.served.agent) if is_in_doubt else None
        return Taken(taken, asked_at) if taken is not None else None

    def _claim(self, session: Session, run_id: str) -> Claim | None:
        lease = timedelta(seconds=settings.load().run_lease_s)
        with scope.wide(f"agent:{self.served.agent}"):
            taken = claim(session, list(self.served.queues), self.claimant, run_id=run_id, lease=lease)
        if taken is not None:
            # A claim's event is not numbered for the hint: any number makes the streams look.
            after_commit(session, lambda: live.hint("task", taken.task_id, 0))
        return taken


def _work_on(work_on: Taken, drain: Drain) -> None:
    taken = work_on.claim
    with (
        scope.acting(f"agent:{taken.agent}", taken.tenant),
        bind(task=taken.task_id, run=taken.run_number),
        heart.beating(taken, work_on.asked_at) as pulse,
    ):
        log.debug("task.claimed")
        try:
            execute(taken, pulse, drain.take_within)
        except Lost as error:
            _leave(taken, error)
        except Fenced as error:
            log.warning("run.fenced", error=str(error))
        except DATABASE_AWAY as error:
            _end_process(error)
        except Exception as error:  # noqa: BLE001  (logged by _fail; no error may leave its task running)
            _fail(taken, pulse, error)
        log.info("run.ended", agent=taken.agent)


def _fail(taken: Claim, pulse: Pulse, error: Exception) -> None:
    told = OpsCoreError(f"cannot go on: an error inside OpsCore ({type(error).__name__}); the agent's log tells more")
    try:
        ledger = Ledger(taken, pulse)
        ledger.catch_up()
        fail_or_cancel(ledger, told.code, describe(told))
    except Lost as lost:
        log.error("run.broke", exc_info=error)
        _leave(taken, lost)
    except Fenced as fence:
        # Its successor took its folder away; what it tripped over after that is no error.
        log.warning("run.fenced", error=str(fence), broke=repr(error))
        return
    log.error("run.broke", exc_info=error)


def _leave(taken: Claim, error: Lost) -> None:
    """End this process, unless the task is another run's by now: as long as we live, our row says that it is ours."""
    try:
        ledger = Ledger(taken)
        ledger.look()
        if ledger.pulse.is_fenced:
            log.warning("run.fenced", error=str(error))
            return
    except DATABASE_AWAY as away:
        log.warning("database.away", error=str(away.orig))
    _end_process(error)


def _end_process(error: Exception) -> NoReturn:
    log.error("run.lost", error=str(error))
    sys.stderr.flush()
    os._exit(1)


def _pass_on(queue: str, hint: str) -> None:
    """Wake the queue again: its message has led to a task of another queue, whose own message is still to come.

    A queue then never holds fewer messages than tasks; that agents share some queues and not others
    would otherwise leave tasks lying until the reconciler's next round.
    """
    try:
        send_wake_up(queue, hint)
    except BROKER_ERRORS as error:
        log.warning("broker.down", queue=queue, error=str(error))


def _found(run_id: str, until: float, agent: str) -> Claim | None:
    """The claim of that run if it stands; this process ends where nobody tells until the lease would end."""
    for pause in pauses():
        time.sleep(pause)
        try:
            with scope.wide(f"agent:{agent}"), reading() as session:
                return claimed(session, run_id)
        except DATABASE_AWAY as error:
            log.warning("database.away", error=str(error.orig))
            if uptime() > until:
                _end_process(error)
    raise AssertionError("there is always another pause")


def claimant(served: Served) -> Claimant:
    """This process, as the run's row names it."""
    me = psutil.Process(os.getpid())
    return Claimant(served.agent, served.worker_id, socket.gethostname(), me.pid, me.create_time())
