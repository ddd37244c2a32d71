"""A file that the tasks of one family share: versions by compare-and-set, a lock for whoever needs longer.

The bytes lie by digest in the family's folder: tasks/family/.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from models.columns import UtcTime, id_column, now
from models.database import Base
from models.scope import Owned


class SharedFile(Owned, Base):
    """One path of one family."""

    __tablename__ = "shared_file"

    id: Mapped[str] = id_column()
    family_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    """Id of the family's first task."""
    path: Mapped[str] = mapped_column(String(500))
    version: Mapped[int] = mapped_column(default=0)
    """0: locked before it was first written."""
    digest: Mapped[str | None] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    task_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    """Who wrote it last."""
    written_at: Mapped[datetime] = mapped_column(UtcTime, default=now)
    locked_by: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    """Id of the task that holds it; free again at `locked_until`, or when that task has ended."""
    locked_until: Mapped[datetime | None] = mapped_column(UtcTime)

    __table_args__ = (Index("uq_shared_file_path", "family_id", "path", unique=True),)
