"""A workspace: a task's folder and where it is kept; an artifact: a file worth opening in it."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from models.columns import UtcTime, id_column, now
from models.database import Base
from models.scope import Owned


class Workspace(Owned, Base):
    """The folder is opaque: it shows inside the sandbox and must tell nothing."""

    __tablename__ = "workspace"

    id: Mapped[str] = id_column()
    task_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), ForeignKey("task.id", ondelete="CASCADE"))
    store: Mapped[str] = mapped_column(String(255))
    """Where it is kept; `local` is the data folder, which all hosts of the installation share."""
    folder: Mapped[str] = mapped_column(String(80))
    """Name under the store's workspaces folder: the run's directory that counts now."""
    run_number: Mapped[int] = mapped_column(default=0)
    """The run that works, or worked last, in `folder`."""
    snapshot: Mapped[str | None] = mapped_column(String(80))
    """What the next run starts from: the inputs copied in, later the last finished step's."""
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    files: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=now)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcTime)

    __table_args__ = (Index("uq_workspace_task", "task_id", unique=True),)


class Artifact(Owned, Base):
    """A file under output/ that a finished step left: what the task has to show."""

    __tablename__ = "artifact"

    id: Mapped[str] = id_column()
    task_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), ForeignKey("task.id", ondelete="CASCADE"))
    step_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), ForeignKey("step.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(String(1000))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=now)

    __table_args__ = (
        Index("uq_artifact_path", "task_id", "path", unique=True),
        # Deleting a step looks for its artifacts.
        Index("ix_artifact_step", "step_id"),
    )


class Upload(Owned, Base):
    """A file that somebody brought, to be named as a task's input: `upload:<id>`."""

    __tablename__ = "upload"

    id: Mapped[str] = id_column()
    name: Mapped[str] = mapped_column(String(255))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(String(80))
    media_type: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=now)


class UploadUse(Owned, Base):
    """A task that names an upload: while there is one, the upload stays (tasks/keeping/retention.py)."""

    __tablename__ = "upload_use"

    upload_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), ForeignKey("upload.id"), primary_key=True)
    task_id: Mapped[str] = mapped_column(
        Uuid(as_uuid=False), ForeignKey("task.id", ondelete="CASCADE"), primary_key=True
    )

    __table_args__ = (Index("ix_upload_use_task", "task_id"),)
