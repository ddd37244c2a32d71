"""Which queues something may be claimed from at all, and how many places their workers have.

Only to know how many wake-ups a queue needs: whoever takes one asks again in its claim (models/open_queues.py).  A
wake-up for a queue that is closed would be taken, lead to nothing, and be sent again a second later.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import func, literal, or_, select
from sqlalchemy.orm import Session

from models.agent import SILENT_AFTER, Agent, Worker
from models.columns import database_now
from models.queue import EVERY, Queue
from models.states import State
from models.task import Task

_RUNNING = Task.state == literal(State.RUNNING.value, literal_execute=True)


@dataclass
class Openings:
    """Places of workers by queue, and the queues that are closed."""

    places: Counter[str] = field(default_factory=Counter)
    is_all_closed: bool = False
    closed: set[str] = field(default_factory=set)
    """Paused, full, or served by none but agents that are."""

    def among(self, queues: Iterable[str]) -> list[str]:
        """Those of the queues that a task may be claimed from; one that nobody serves now counts as open."""
        return [] if self.is_all_closed else [name for name in queues if name not in self.closed]


def openings(session: Session) -> Openings:
    """How things stand now, by the rules and by the workers that were heard of lately."""
    closed = _closed_by_rules(session)
    found = Openings(is_all_closed=EVERY in closed, closed=closed)
    served: set[str] = set()
    unable = _unable_agents(session)
    heard = select(Worker.queues, Worker.concurrency, Worker.agent_id).where(
        Worker.stopped_at.is_(None), Worker.last_seen_at > database_now(-SILENT_AFTER)
    )
    for queues, concurrency, agent_id in session.execute(heard):
        served.update(queues)
        if agent_id not in unable:
            found.places.update(dict.fromkeys(queues, concurrency))
    found.closed |= served - set(found.places)
    return found


def _closed_by_rules(session: Session) -> set[str]:
    rules = select(Queue.name, Queue.paused_at, Queue.max_running).where(
        or_(Queue.paused_at.is_not(None), Queue.max_running.is_not(None))
    )
    closed = set()
    for name, paused_at, most in session.execute(rules).all():
        mine = () if name == EVERY else (Task.queue == name,)
        if paused_at is not None or (most is not None and _count(session, *mine) >= most):
            closed.add(name)
    return closed


def _unable_agents(session: Session) -> set[str]:
    rules = select(Agent.id, Agent.name, Agent.paused_at, Agent.max_running).where(
        or_(Agent.paused_at.is_not(None), Agent.max_running.is_not(None))
    )
    return {
        agent_id
        for agent_id, name, paused_at, most in session.execute(rules).all()
        if paused_at is not None or (most is not None and _count(session, Task.agent == name) >= most)
    }


def _count(session: Session, *mine: object) -> int:
    counted = select(func.count()).select_from(Task).where(_RUNNING, *mine)  # type: ignore[arg-type]
    return session.scalar(counted) or 0
