"""An approval: one exact call, or a whole plan, that a person must agree to before it happens.

Bound by `digest` to what was shown; the first answer wins.  Who asks and who answers: tasks/approvals/.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from models.columns import UtcTime, database_now, id_column
from models.database import Base
from models.scope import Owned


class ApprovalState(StrEnum):
    """Where an approval stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    EDITED = "edited"
    """Approved with other arguments: `decided_arguments`."""
    REJECTED = "rejected"
    EXPIRED = "expired"
    """Nobody answered in time; `on_expiry` says what that means."""
    WITHDRAWN = "withdrawn"
    """The task ended, or came to do something else."""


class OnExpiry(StrEnum):
    """What becomes of a call that nobody answered."""

    REJECT = "reject"
    """As if a person had said no."""
    FAIL = "fail"
    """The task fails."""


class Approval(Owned, Base):
    """What is to happen, as it was shown, and what was said to it."""

    __tablename__ = "approval"

    id: Mapped[str] = id_column()
    task_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), ForeignKey("task.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(160))
    """Of the step; `plan` for a whole plan."""
    epoch: Mapped[int]
    tool: Mapped[str] = mapped_column(String(80), default="")
    """Empty for a whole plan."""
    title: Mapped[str] = mapped_column(String(200))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Exact, defaults included; of a plan: its calls."""
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of task, epoch, key, tool and arguments."""
    why: Mapped[str] = mapped_column(String(200), default="")
    """Who demands it: the tool, the template, the agent, the task."""
    risk: Mapped[str] = mapped_column(String(20), default="")
    """low, medium or high, by what the tool may do."""
    diff: Mapped[str] = mapped_column(Text, default="")
    """What files would change, as far as that is known before."""
    state: Mapped[ApprovalState] = mapped_column(String(20), default=ApprovalState.WAITING)
    asked_at: Mapped[datetime] = mapped_column(UtcTime, default=database_now())
    expires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """By the database's clock."""
    on_expiry: Mapped[OnExpiry] = mapped_column(String(20), default=OnExpiry.REJECT)
    decided_at: Mapped[datetime | None] = mapped_column(UtcTime)
    decided_by: Mapped[str | None] = mapped_column(String(120))
    decided_arguments: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(String(1000), default="")

    __table_args__ = (
        Index("ix_approval_task", "task_id", "epoch", "key"),
        Index(
            "uq_approval_waiting", "task_id", unique=True,
            sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_approval_waiting", "tenant", "asked_at",
            sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_approval_due", "expires_at",
            sqlite_where=text("state = 'waiting' AND expires_at IS NOT NULL"),
            postgresql_where=text("state = 'waiting' AND expires_at IS NOT NULL"),
        ),
    )  # fmt: skip
