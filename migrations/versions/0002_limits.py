"""limits of a task, and those that each step ran under with who set them.

Revision 0002, after 0001.  Columns are added and dropped in place, not in batch mode: on SQLite that would make
the table anew and lose the triggers that keep its search index.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("task", "step")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("limits", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "limits")
