"""what deleting tasks looks up: who names an upload, who follows a plan, whose artifacts a step's are.

Revision 0004, after 0003.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

AT_ONCE = 500
UPLOAD = "upload:"


def upgrade() -> None:
    op.create_table(
        "upload_use",
        sa.Column("upload_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["upload.id"], name="fk_upload_use_upload_id"),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_upload_use_task_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("upload_id", "task_id", name="pk_upload_use"),
    )
    op.create_index("ix_upload_use_task", "upload_use", ["task_id"])
    op.create_index("ix_artifact_step", "artifact", ["step_id"])
    op.create_index("ix_task_plan", "task", ["plan_id"])
    _note_uses()


def downgrade() -> None:
    op.drop_index("ix_task_plan", "task")
    op.drop_index("ix_artifact_step", "artifact")
    op.drop_table("upload_use")


def _note_uses() -> None:
    connection = op.get_bind()
    upload = sa.table("upload", sa.column("id", sa.Uuid(as_uuid=False)))
    known = set(connection.scalars(sa.select(upload.c.id)))
    kinds = {"upload_id": sa.Uuid(as_uuid=False), "task_id": sa.Uuid(as_uuid=False)}
    use = sa.table("upload_use", *(sa.column(each, kinds.get(each)) for each in (*kinds, "tenant", "author")))
    for row in _tasks(connection):
        named = {value.removeprefix(UPLOAD) for value in row.inputs.values() if isinstance(value, str)}
        for upload_id in named & known:
            about = {"upload_id": upload_id, "task_id": row.id, "tenant": row.tenant, "author": row.author}
            connection.execute(sa.insert(use).values(**about))


def _tasks(connection: sa.Connection) -> Iterator[Any]:
    kinds = {"id": sa.Uuid(as_uuid=False), "inputs": sa.JSON()}
    task = sa.table("task", *(sa.column(each, kinds.get(each)) for each in ("number", *kinds, "tenant", "author")))
    ordered, last = sa.select(task).order_by(task.c.number).limit(AT_ONCE), 0
    while rows := connection.execute(ordered.where(task.c.number > last)).all():
        yield from rows
        last = rows[-1].number
