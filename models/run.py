"""A run: one claim of a task by one worker; its number is the fencing token."""

from datetime import datetime

from sqlalchemy import Float, ForeignKey, Index, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from models.columns import UtcTime, id_column, now
from models.database import Base
from models.scope import Owned


class Run(Owned, Base):
    """Who had the task, in which process, and how it ended."""

    __tablename__ = "run"

    id: Mapped[str] = id_column()
    task_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), ForeignKey("task.id", ondelete="CASCADE"))
    number: Mapped[int]
    epoch: Mapped[int]
    agent: Mapped[str] = mapped_column(String(80))
    worker_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int]
    process_started_at: Mapped[float] = mapped_column(Float(53))
    """Seconds since 1970 as psutil tells: a pid alone may be another process's by now."""
    started_at: Mapped[datetime] = mapped_column(UtcTime, default=now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    outcome: Mapped[str | None] = mapped_column(String(20))
    """succeeded, failed, cancelled, paused, waiting, retried, lost; None while it runs."""

    __table_args__ = (
        Index("uq_run_task_number", "task_id", "number", unique=True),
        Index(
            "ix_run_running",
            "host",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
