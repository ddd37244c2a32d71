"""What a reconciler's rounds do: whatever the rows ask for and no process is at, from starts that are due to leftovers.

A quick round, every second, looks at what time brings: rescue.py, due.py, schedules, and tells the broker.  A full
round, every ten seconds, also makes sure of what should be so: wake-ups, workers, canaries, leftovers, retention.
Each part is bounded and looks through an index of what is due, never through all tasks.  All of it may be repeated,
by two processes at the same time too.  Runs within `scope.wide(…)`.  The process and its lead: worker/reconciler.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from models.approval import Approval
from models.database import reading
from models.task import Task
from tasks import live
from tasks.approvals import decisions
from tasks.approvals.decisions import expire_due
from tasks.control import emergency
from tasks.family import ends as families
from tasks.keeping import leftovers
from tasks.keeping.retention import prune_some
from tasks.queueing.canary import Watch
from tasks.queueing.wake_ups import CLAIMABLE, UNPUBLISHED, publish_unpublished, top_up
from tasks.reconcile.due import DUE, LATE, fail_late, start_due
from tasks.reconcile.lost_workers import close_lost_workers
from tasks.reconcile.rescue import EXPIRED, requeue_lost, rescue_expired, runs_here
from tasks.scheduling.firing import fire_due
from tasks.spending import lost_calls

__all__ = [
    "FULL_EVERY",
    "QUICK_EVERY",
    "Round",
    "full",
    "of_this_host",
    "quick",
    "reconcile",
    "requeue_lost",
    "runs_here",
]

QUICK_EVERY = timedelta(seconds=1)
FULL_EVERY = timedelta(seconds=10)
Keep = Callable[[], None]
"""Called between the parts of a round; raises when the round must end early."""


@dataclass
class Round:
    """What one round did."""

    requeued: int = 0
    """Runs given back, whatever became of their tasks."""
    due: int = 0
    held: int = 0
    """Tasks that an emergency stop still had to stop, or its release to resume."""
    late: int = 0
    """Tasks that ended at their deadline without running."""
    expired: int = 0
    """Approvals that nobody gave or refused in time."""
    fired: int = 0
    """Times of schedules that came."""
    published: int = 0
    woken: int = 0
    """Wake-ups that were missing."""
    workers_lost: int = 0
    canaries: int = 0
    deaf: int = 0
    """Workers newly found to take nothing."""
    calls_lost: int = 0
    """Model calls that no run waits for any more."""
    swept: int = 0
    families: int = 0
    """Ends of parts that nobody had followed up."""
    pruned: int = 0
    """Ended tasks whose time was over."""


def _go_on() -> None:
    """Keep a round going that nobody watches."""


def reconcile() -> Round:
    """Do one full round, for whoever has no lead to keep: tests and measurements."""
    return full(Watch())


def quick(keep: Keep = _go_on) -> Round:
    """Do what time has brought."""
    done = Round(requeued=len(requeue_lost()))
    due = _glance()
    if due.is_any_expired:
        done.requeued += len(rescue_expired())
    keep()
    done.held = emergency.go_on()
    done.due = start_due() if due.is_any_due else 0
    done.late = fail_late() if due.is_any_late else 0
    done.expired = expire_due() if due.is_any_unanswered else 0
    done.fired = fire_due()
    keep()
    if done.requeued or done.due or due.is_any_unpublished:
        done.published = publish_unpublished()
    if due.is_any_waiting:
        done.woken = top_up()
    return done


@dataclass(frozen=True)
class _Glance:
    """Whether there is anything of a kind to do."""

    is_any_expired: bool
    is_any_due: bool
    is_any_late: bool
    is_any_unanswered: bool
    is_any_unpublished: bool
    is_any_waiting: bool


def _glance() -> _Glance:
    """One look into six indexes, for the most frequent answer by far: nothing."""
    with reading() as session:
        unanswered = select(Approval.id).where(decisions.DUE).exists()
        expired, due, late, *rest = (
            select(Task.number).where(each).exists() for each in (EXPIRED, DUE, LATE, UNPUBLISHED, CLAIMABLE)
        )
        found = [expired, due, late, unanswered, *rest]
        return _Glance(*map(bool, session.execute(select(*found)).one()))


def full(watch: Watch, keep: Keep = _go_on) -> Round:
    """Do what a quick round does, and make sure of the rest."""
    workers_lost = close_lost_workers()
    done = quick(keep)
    done.workers_lost = workers_lost
    done.canaries, done.deaf = watch.round()
    keep()
    # Last: what people wait for comes first.
    done.calls_lost = lost_calls.lose_dead()
    done.swept = leftovers.sweep()
    done.families = families.go_on()
    keep()
    done.pruned = prune_some()
    return done


def of_this_host(is_full: bool) -> Round:
    """Do what only a process on this host can see: what its dead left.  For a reconciler that does not lead."""
    done = Round(requeued=len(requeue_lost()))
    if is_full:
        done.workers_lost, done.swept = close_lost_workers(), leftovers.sweep()
    if done.requeued:
        live.round_wanted()
    return done
