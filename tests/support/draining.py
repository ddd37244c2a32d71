"""Work on all that is queued in this process, without a broker: what a worker does, the heart's part left out."""

import time
from datetime import timedelta

from models import scope
from models.database import writing
from tasks.runs.execution import execute
from tasks.runs.wishes import Pulse
from tasks.work import Drain, Served, Taken, claimant
from tests.support.factories import make_agent, make_worker


def serving(name: str = "scout", low: int = 1, high: int = 5, **of_agent: object) -> Served:
    """A worker's registration, whose agent is made here."""
    with writing() as session:
        worker = make_worker(session, make_agent(session, name, low, high, **of_agent))
        return Served(name, worker.id, tuple(worker.queues))


def drain_all(served: Served) -> None:
    """Do all that is queued, as by one wake-up."""
    drain = Drain(served, claimant(served), time.monotonic() + 600)
    taken: Taken | None = drain.take()
    while taken is not None:
        drain.taken = None
        with scope.acting(f"agent:{served.agent}", taken.claim.tenant):
            execute(taken.claim, Pulse(taken.claim, timedelta(hours=1), taken.asked_at), drain.take_within)
        taken = drain.taken or drain.take()
