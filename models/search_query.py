"""A search of the web that a task made: its history, and the cache of its answers.

Who writes and asks: tasks/research/searches.py.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from models.columns import UtcTime, database_now, id_column
from models.database import Base
from models.scope import Owned


class SearchQuery(Owned, Base):
    """One search, as it was asked and answered."""

    __tablename__ = "search_query"

    id: Mapped[str] = id_column()
    provider: Mapped[str] = mapped_column(String(40))
    query: Mapped[str] = mapped_column(String(500))
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    digest: Mapped[str] = mapped_column(String(64))
    """Of provider, query and options: equal searches have the same."""
    results: Mapped[list[Any]] = mapped_column(JSON, default=list)
    error: Mapped[str | None] = mapped_column(String(500))
    is_cached: Mapped[bool] = mapped_column(default=False)
    """Answered by an earlier search."""
    task_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    """Bound by no constraint: the history outlives the task."""
    at: Mapped[datetime] = mapped_column(UtcTime, default=database_now())

    __table_args__ = (
        Index("ix_search_query_digest", "tenant", "digest", "at"),
        Index("ix_search_query_at", "tenant", "at"),
        Index("ix_search_query_task", "tenant", "task_id", "id"),
    )
