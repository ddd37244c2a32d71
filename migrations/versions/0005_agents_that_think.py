"""agents that think: providers and their models, budgets, approvals, families, searches.

Revision 0005, after 0004.  Columns are added in place, not in batch mode: see revision 0003.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
UUID = sa.Uuid(as_uuid=False)
# Name, type, and where it may not be empty its value in the rows that are there.
COLUMNS: dict[str, list[tuple[str, Any, str | None]]] = {
    "agent": [("model", sa.String(300), None), ("approvals", sa.JSON, "[]")],
    "step": [("usage", sa.JSON, "{}"), ("for_model", sa.Text, None)],
    "task": [("root_id", UUID, None), ("depth", sa.Integer, "0")],
}
ENDED = ["tenant", "state", "finished_at"]
# Table, name, columns, whether it is unique, which rows.
INDEXES = [
    ("budget", "ix_budget_parent", ["parent_id"], False, ""),
    ("budget", "uq_budget_name", ["tenant", "kind", "name"], True, ""),
    ("spend", "ix_spend_agent", ["tenant", "agent", "at"], False, ""),
    ("spend", "ix_spend_at", ["tenant", "at"], False, ""),
    ("spend", "ix_spend_model", ["tenant", "model", "at"], False, ""),
    ("spend", "ix_spend_reserved", ["task_id"], False, "state = 'reserved'"),
    ("spend", "ix_spend_task", ["task_id", "at"], False, ""),
    ("provider", "uq_provider_name", ["tenant", "name"], True, ""),
    ("language_model", "uq_language_model_name", ["provider_id", "name"], True, ""),
    ("approval", "ix_approval_due", ["expires_at"], False, "state = 'waiting' AND expires_at IS NOT NULL"),
    ("approval", "ix_approval_task", ["task_id", "epoch", "key"], False, ""),
    ("approval", "ix_approval_waiting", ["tenant", "asked_at"], False, "state = 'waiting'"),
    ("approval", "uq_approval_waiting", ["task_id"], True, "state = 'waiting'"),
    ("shared_file", "uq_shared_file_path", ["family_id", "path"], True, ""),
    ("search_query", "ix_search_query_at", ["tenant", "at"], False, ""),
    ("search_query", "ix_search_query_digest", ["tenant", "digest", "at"], False, ""),
    ("search_query", "ix_search_query_task", ["tenant", "task_id", "id"], False, ""),
    ("task", "ix_task_parent", ["parent_id", "number"], False, "parent_id IS NOT NULL"),
    ("task", "ix_task_root", ["root_id", "number"], False, "root_id IS NOT NULL"),
    ("task", "ix_task_living_child", ["parent_id"], False, "parent_id IS NOT NULL AND finished_at IS NULL"),
    ("task", "ix_task_ended", ENDED, False, "finished_at IS NOT NULL AND parent_id IS NULL"),
]
TABLES = ("approval", "language_model", "provider", "spend", "budget", "shared_file", "search_query")


def upgrade() -> None:
    _make_tables()
    for table, columns in COLUMNS.items():
        for name, kind, value in columns:
            op.add_column(table, sa.Column(name, kind, nullable=value is None, server_default=value))
    op.drop_index("ix_task_ended", "task")  # made again, for fewer rows
    for table, name, of, is_unique, rows in INDEXES:
        where = {"sqlite_where": sa.text(rows), "postgresql_where": sa.text(rows)} if rows else {}
        op.create_index(name, table, of, unique=is_unique, **where)


def downgrade() -> None:
    for name in ("ix_task_parent", "ix_task_root", "ix_task_living_child", "ix_task_ended"):
        op.drop_index(name, "task")
    rows = sa.text("finished_at IS NOT NULL")
    op.create_index("ix_task_ended", "task", ENDED, sqlite_where=rows, postgresql_where=rows)
    for table, columns in COLUMNS.items():
        for name, _, _ in columns:
            op.drop_column(table, name)
    for table in TABLES:
        op.drop_table(table)


def _make(name: str, *columns: Any) -> None:
    op.create_table(
        name,
        sa.Column("id", UUID, nullable=False),
        *columns,
        sa.Column("tenant", sa.String(40), nullable=False),
        sa.Column("author", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
    )


def _make_tables() -> None:
    _make_budget()
    _make_spend()
    _make_provider()
    _make_language_model()
    _make_approval()
    _make_shared_file()
    _make_search_query()


def _make_budget() -> None:
    _make(
        "budget",
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("parent_id", UUID),
        sa.Column("period", sa.String(10)),
        sa.Column("max_tokens", sa.BigInteger),
        sa.Column("max_cost", sa.BigInteger),
        sa.Column("max_calls", sa.BigInteger),
        sa.Column("max_wall_ms", sa.BigInteger),
        sa.Column("used_tokens", sa.BigInteger, nullable=False),
        sa.Column("used_cost", sa.BigInteger, nullable=False),
        sa.Column("used_calls", sa.BigInteger, nullable=False),
        sa.Column("used_wall_ms", sa.BigInteger, nullable=False),
        sa.Column("reserved_tokens", sa.BigInteger, nullable=False),
        sa.Column("reserved_cost", sa.BigInteger, nullable=False),
        sa.Column("reserved_calls", sa.BigInteger, nullable=False),
        sa.Column("wall_run", sa.Integer(), nullable=False),
        sa.Column("wall_at", TIME),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
    )


def _make_spend() -> None:
    _make(
        "spend",
        sa.Column("task_id", UUID, nullable=False),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("key", sa.String(160), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("run_number", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(300), nullable=False),
        sa.Column("budgets", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("estimated_tokens", sa.BigInteger, nullable=False),
        sa.Column("answer_tokens", sa.BigInteger, nullable=False),
        sa.Column("reserved_tokens", sa.BigInteger, nullable=False),
        sa.Column("reserved_cost", sa.BigInteger),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.Column("cost", sa.BigInteger),
        sa.Column("at", TIME, nullable=False),
        sa.Column("settled_at", TIME),
    )


def _make_provider() -> None:
    _make(
        "provider",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("base_url", sa.String(500), nullable=False),
        sa.Column("credential", sa.Text()),
        sa.Column("disabled_at", TIME),
        sa.Column("tested_at", TIME),
        sa.Column("test_error", sa.String(500)),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("event_count", sa.Integer(), nullable=False),
    )


def _make_language_model() -> None:
    _make(
        "language_model",
        sa.Column("provider_id", UUID, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("input_price", sa.BigInteger),
        sa.Column("output_price", sa.BigInteger),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("context_tokens", sa.Integer()),
        sa.Column("complexity_min", sa.Integer(), nullable=False),
        sa.Column("complexity_max", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("disabled_at", TIME),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name="fk_language_model_provider_id", ondelete="CASCADE"
        ),
    )


def _make_approval() -> None:
    _make(
        "approval",
        sa.Column("task_id", UUID, nullable=False),
        sa.Column("key", sa.String(160), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("tool", sa.String(80), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("why", sa.String(200), nullable=False),
        sa.Column("risk", sa.String(20), nullable=False),
        sa.Column("diff", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("on_expiry", sa.String(20), nullable=False),
        sa.Column("decided_at", TIME),
        sa.Column("decided_by", sa.String(120)),
        sa.Column("decided_arguments", sa.JSON()),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_approval_task_id", ondelete="CASCADE"),
    )


def _make_shared_file() -> None:
    _make(
        "shared_file",
        sa.Column("family_id", UUID, nullable=False),
        sa.Column("path", sa.String(500), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64)),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("task_id", UUID),
        sa.Column("written_at", TIME, nullable=False),
        sa.Column("locked_by", UUID),
        sa.Column("locked_until", TIME),
    )


def _make_search_query() -> None:
    _make(
        "search_query",
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("query", sa.String(500), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.Column("error", sa.String(500)),
        sa.Column("is_cached", sa.Boolean(), nullable=False),
        sa.Column("task_id", UUID),
        sa.Column("at", TIME, nullable=False),
    )
