"""Make a worker an agent: subscribe, register, beat every five seconds, deregister at the end.

The beat has a thread and connections of its own: Celery's timer stands still while the broker
is away and during a warm shutdown, when the worker is alive all the same.  What it does when its
row says that it is deaf: healing.py.  Its children: children.py.
"""

import os
import socket
import threading
from datetime import datetime
from importlib.metadata import version
from typing import Any

import psutil
from celery import bootsteps, signals
from celery.utils.nodenames import default_nodename
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

import settings
from models import scope
from models.agent import BEAT_EVERY, Agent, Worker
from models.columns import database_now, new_id, now
from models.database import reading, writing
from models.errors import InvalidInput
from tasks.folders import workspaces_root
from tasks.logs import logger
from tasks.processes import is_alive
from tasks.timeline import record_of_agent
from tasks.work import Served
from tools import sandbox
from tools.sandbox import Probe
from worker.ending import Ending
from worker.forking import fork_without_connections, no_fork
from worker.healing import Healing
from worker.pool import places
from worker.processes import flask_app
from worker.subscription import Subscription, subscribe, subscription

PREFORK = "celery.concurrency.prefork"
log = logger(__name__)


class Registration(bootsteps.StartStopStep):
    """A bootstep of the worker: it is there before the pool, so that every child knows whom it serves."""

    def __init__(self, worker: Any, agent: str | None = None, complexity: str | None = None, **options: Any) -> None:
        super().__init__(worker, **options)
        if worker.pool_cls.__module__ != PREFORK:
            raise SystemExit("error: cannot use this pool: a run needs a process of its own (-P prefork)")
        try:
            self.chosen = subscription(agent, complexity, worker.app.named_queues)
        except InvalidInput as error:
            raise SystemExit(f"error: {error}") from error
        self.sandbox = settled_sandbox()
        subscribe(worker.app, self.chosen)
        self.flask = flask_app(worker.app)
        fork_without_connections(self.flask)
        if worker.hostname == default_nodename(None):
            worker.hostname = self._free_nodename()
        # Before the pool starts: its children must know whom they serve.
        ending = Ending()
        signals.worker_shutting_down.connect(lambda **_: ending.begin(), weak=False)
        worker.app.served = Served(self.chosen.agent, new_id(), self.chosen.queues, ending.has_begun)
        self.beat: Beat | None = None

    def start(self, worker: Any) -> None:
        """Write the agent's and the worker's rows, then beat."""
        worker_id = worker.app.served.worker_id
        with self.flask.app_context(), scope.acting(f"agent:{self.chosen.agent}"):
            try:
                register(self.chosen, worker_id, worker.hostname, worker.concurrency or 1, self.sandbox)
            except IntegrityError:
                # Another worker of a new agent wrote the agent's row first; now it is there.
                register(self.chosen, worker_id, worker.hostname, worker.concurrency or 1, self.sandbox)
        self.beat = Beat(self.flask, self.chosen.agent, worker, Healing(worker, self.chosen))
        self.beat.start()
        # Not in stop(): the running task is finished after it.
        signals.worker_shutdown.connect(self._deregister, weak=False)

    def _free_nodename(self) -> str:
        """NAME@HOST; for a second worker of the agent on this host with the pid, so that Celery can tell them apart."""
        plain = f"{self.chosen.agent}@{socket.gethostname()}"
        with self.flask.app_context(), scope.acting(f"agent:{self.chosen.agent}"), reading() as session:
            same = select(Worker).where(Worker.nodename == plain, Worker.stopped_at.is_(None))
            taken = any(is_alive(other.pid, other.process_started_at) for other in session.scalars(same))
        return f"{self.chosen.agent}-{os.getpid()}@{socket.gethostname()}" if taken else plain

    def _deregister(self, **_: Any) -> None:
        if self.beat is not None:
            self.beat.end()


def settled_sandbox() -> Probe:
    """The sandbox of this worker and of its children, which are forked from here on.

    Raises:
        SystemExit: a tier is demanded, and this host does not reach it.
    """
    demanded = settings.load().sandbox_tier
    found = sandbox.settle(demanded, workspaces_root())
    if demanded and found.tier != demanded:
        reasons = "; ".join(str(reason) for reason in found.facts.values())
        raise SystemExit(
            f"error: cannot start: OPSCORE_SANDBOX_TIER demands tier {demanded}, and this host does not reach it: "
            f"{reasons}. bin/opscore doctor names the cure."
        )
    return found


def register(chosen: Subscription, worker_id: str, nodename: str, concurrency: int, found: Probe) -> None:
    """Write down that this process serves the agent, in the sandbox that was found.  Runs within `acting(…)`."""
    me = psutil.Process()
    with writing() as session:
        agent = _agent(session, chosen)
        worker = Worker(
            id=worker_id,
            agent_id=agent.id,
            nodename=nodename,
            host=socket.gethostname(),
            pid=me.pid,
            process_started_at=me.create_time(),
            queues=list(chosen.queues),
            concurrency=concurrency,
            version=f"celery {version('celery')}",
            sandbox=found.as_dict(),
        )
        session.add(worker)
        session.flush()
        told = {"worker": nodename, "pid": me.pid, "queues": list(chosen.queues), "concurrency": concurrency}
        record_of_agent(session, agent.id, "worker.registered", **told)


def _agent(session: Session, chosen: Subscription) -> Agent:
    agent = session.scalars(select(Agent).where(Agent.name == chosen.agent)).one_or_none()
    if agent is None:
        agent = Agent(name=chosen.agent)
        session.add(agent)
    agent.complexity_min, agent.complexity_max = chosen.lowest, chosen.highest
    session.flush()
    return agent


class Beat(threading.Thread):
    """Says every five seconds that the worker is alive, and what it uses; is told whether it is deaf."""

    def __init__(self, flask: Any, agent: str, worker: Any, healing: Healing) -> None:
        super().__init__(name="beat", daemon=True)
        self.flask = flask
        self.agent = agent
        self.worker = worker
        self.worker_id: str = worker.app.served.worker_id
        self.healing = healing
        self.ending = threading.Event()
        self.figures = Figures()

    def run(self) -> None:
        """Beat until the end; a database that is away costs beats, not the thread."""
        while not self.ending.wait(BEAT_EVERY.total_seconds()):
            try:
                deaf_since = self._beat(**places(self.worker.pool), **self.figures.read())
            except SQLAlchemyError as error:
                log.warning("beat.lost", error=str(error))
            except Exception:
                log.error("beat.failed", exc_info=True)
            else:
                self.healing.look(deaf_since)

    def end(self) -> None:
        """Stop beating and say that the worker has ended."""
        self.ending.set()
        with self.flask.app_context(), scope.acting(f"agent:{self.agent}"), writing() as session:
            ended = update(Worker).where(Worker.id == self.worker_id, Worker.stopped_at.is_(None))
            agent_id = session.scalar(ended.values(stopped_at=now()).returning(Worker.agent_id))
            if agent_id is not None:
                record_of_agent(session, agent_id, "worker.stopped", pid=os.getpid())

    def _beat(self, **figures: Any) -> datetime | None:
        """Write a beat; returns since when the worker is deaf."""
        mine = update(Worker).where(Worker.id == self.worker_id).values(last_seen_at=database_now(), **figures)
        with no_fork(), self.flask.app_context(), scope.acting(f"agent:{self.agent}"), writing() as session:
            return session.scalar(mine.returning(Worker.deaf_since).execution_options(synchronize_session=False))


class Figures:
    """What the worker's processes use, together."""

    def __init__(self) -> None:
        self.cpu_s = 0.0
        self.read_at = now()

    def read(self) -> dict[str, float]:
        """CPU in percent of one core since the last reading, memory in bytes, the host's load per core."""
        cpu_s, memory = 0.0, 0
        me = psutil.Process()
        for process in [me, *me.children(recursive=True)]:
            try:
                times = process.cpu_times()
                cpu_s += times.user + times.system
                memory += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        at = now()
        elapsed = max((at - self.read_at).total_seconds(), 0.001)
        percent = max(0.0, (cpu_s - self.cpu_s) / elapsed * 100)
        self.cpu_s, self.read_at = cpu_s, at
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
        return {"cpu_percent": round(percent, 1), "memory_bytes": memory, "host_load": round(load, 2)}
