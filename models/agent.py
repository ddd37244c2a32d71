"""An agent: a record of who may do work; a worker: a Celery process that serves one."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.columns import UtcTime, id_column, now
from models.database import Base
from models.scope import Owned

BEAT_EVERY = timedelta(seconds=5)
SILENT_AFTER = 3 * BEAT_EVERY


class Agent(Owned, Base):
    """Name, range and limits; made by the first worker that starts under the name."""

    __tablename__ = "agent"

    id: Mapped[str] = id_column()
    name: Mapped[str] = mapped_column(String(80))
    description: Mapped[str] = mapped_column(String(500), default="")
    complexity_min: Mapped[int | None]
    complexity_max: Mapped[int | None]
    """None where the worker was started with plain queues."""
    tools: Mapped[list[str] | None] = mapped_column(JSON)
    """Names of the tools it may use; None means all."""
    limits: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What a step that it does may use at most, by the names of tools/limits.py; none where it says nothing."""
    model: Mapped[str | None] = mapped_column(String(300))
    """`provider/model` that it thinks with; None: one that covers the task's complexity."""
    approvals: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Names of tools whose calls a person must approve, whatever the task says; `plan` for whole plans."""
    paused_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """It claims nothing while this is set; its running tasks go on."""
    max_running: Mapped[int | None]
    """How many tasks it may run at the same time, on all hosts together; None: as many as its workers have places."""
    version: Mapped[int] = mapped_column(default=1)
    """Of its configuration."""
    event_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=now)

    workers: Mapped[list["Worker"]] = relationship(back_populates="agent", order_by="Worker.started_at")

    __table_args__ = (Index("uq_agent_name", "tenant", "name", unique=True),)


class Worker(Owned, Base):
    """One Celery worker process, from its registration to its end."""

    __tablename__ = "worker"

    id: Mapped[str] = id_column()
    agent_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), ForeignKey("agent.id", ondelete="CASCADE"))
    nodename: Mapped[str] = mapped_column(String(255))
    """What Celery calls it: name@host."""
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int]
    process_started_at: Mapped[float] = mapped_column(Float(53))
    queues: Mapped[list[str]] = mapped_column(JSON)
    concurrency: Mapped[int]
    version: Mapped[str] = mapped_column(String(40))
    sandbox: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What the probe at its start found: tier, name, facts."""
    cpu_percent: Mapped[float] = mapped_column(default=0.0)
    """Of one core, all its processes together, since the last beat."""
    memory_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    host_load: Mapped[float] = mapped_column(default=0.0)
    """The host's load over one minute, per core."""
    started_at: Mapped[datetime] = mapped_column(UtcTime, default=now)
    last_seen_at: Mapped[datetime] = mapped_column(UtcTime, default=now)
    deaf_since: Mapped[datetime | None] = mapped_column(UtcTime)
    """Since when it is alive, has a free place and takes no message: a canary of its queue found that."""
    stopped_at: Mapped[datetime | None] = mapped_column(UtcTime)

    agent: Mapped[Agent] = relationship(back_populates="workers")

    __table_args__ = (
        Index("ix_worker_agent", "agent_id", "stopped_at"),
        Index("ix_worker_seen", "stopped_at", "last_seen_at"),
    )


class Light(StrEnum):
    """What a person sees first of an agent."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


def light(agent: Agent, at: datetime) -> tuple[Light, str]:  # noqa: PLR0911  (a line a light)
    """The agent's colour at that time, and the reason in words."""
    alive = [worker for worker in agent.workers if worker.stopped_at is None]
    silent = [worker for worker in alive if at - worker.last_seen_at > SILENT_AFTER]
    if not alive:
        return Light.RED, "no worker is running"
    if len(silent) == len(alive):
        return Light.RED, f"silent for {(at - max(w.last_seen_at for w in silent)).total_seconds():.0f} s"
    if deaf := [worker.deaf_since for worker in alive if worker.deaf_since is not None]:
        return _light_of_deaf(deaf, len(alive))
    if silent:
        return Light.YELLOW, f"{len(silent)} of {len(alive)} workers are silent"
    if any(worker.sandbox.get("tier") == 4 for worker in alive):
        return Light.YELLOW, "no sandbox on its host: command and code tools refuse"
    if any(worker.host_load > 2 for worker in alive):
        return Light.YELLOW, "its host is overloaded"
    return Light.GREEN, "working normally"


def _light_of_deaf(since: list[datetime], workers: int) -> tuple[Light, str]:
    said = f"connected, but takes nothing since {min(since):%H:%M:%S} UTC; its consumer is being restarted"
    if len(since) == workers:
        return Light.RED, said
    return Light.YELLOW, f"{len(since)} of {workers} workers: {said}"
