"""runs that survive: plans of their own, leases and wishes, schedules, queues, services, retention, leadership.

Revision 0003, after 0002.  Columns are added and dropped in place, not in batch mode: on SQLite that would make
the table anew and lose the triggers that keep its search index.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
AT_ONCE = 500
# Name, type, and where it may not be empty its value in the rows that are there.
COLUMNS: dict[str, list[tuple[str, Any, str | None]]] = {
    "agent": [("paused_at", TIME, None), ("max_running", sa.Integer, None)],
    "worker": [("deaf_since", TIME, None)],
    "step": [("attempt", sa.Integer, "1"), ("tried_since", TIME, None)],
    "task": [
        ("plan_id", sa.String(64), ""),
        ("waits_until", TIME, None),
        ("run_writes", sa.Integer, "0"),
        ("stop_requested_at", TIME, None),
        ("emergency_at", TIME, None),
        ("dead_letter_at", TIME, None),
        ("cloned_from_id", sa.Uuid(as_uuid=False), None),
        ("schedule_id", sa.Uuid(as_uuid=False), None),
        ("retry", sa.JSON, "{}"),
        ("question", sa.JSON, None),
    ],
}
# Name, columns, which rows.
INDEXES = [
    ("ix_task_claimable", ["queue", "rank_at"], "state = 'queued' AND waits_until IS NULL"),
    ("ix_task_unpublished", ["number"], "state = 'queued' AND published_at IS NULL AND waits_until IS NULL"),
    ("ix_task_due", ["waits_until"], "waits_until IS NOT NULL"),
    ("ix_task_deadline", ["deadline_at"], "deadline_at IS NOT NULL AND finished_at IS NULL"),
    ("ix_task_lease", ["lease_expires_at"], "state = 'running'"),
    ("ix_task_running_queue", ["queue"], "state = 'running'"),
    ("ix_task_running_agent", ["agent"], "state = 'running'"),
    ("ix_task_waiting", ["tenant", "number"], "state = 'waiting'"),
    ("ix_task_dead_letter", ["tenant", "number"], "dead_letter_at IS NOT NULL"),
    ("ix_task_emergency", ["tenant", "number"], "emergency_at IS NOT NULL"),
    ("ix_task_schedule", ["schedule_id", "number"], "schedule_id IS NOT NULL"),
    ("ix_task_ended", ["tenant", "state", "finished_at"], "finished_at IS NOT NULL"),
]
# As revision 0001 made them.
BEFORE = [
    ("ix_task_claimable", ["queue", "rank_at"], "state = 'queued'"),
    ("ix_task_unpublished", ["number"], "state = 'queued' AND published_at IS NULL"),
]
TABLES = ("firing", "schedule", "service", "retention", "queue", "plan", "leadership")


def upgrade() -> None:
    _make_tables()
    for table, columns in COLUMNS.items():
        for name, kind, value in columns:
            op.add_column(table, sa.Column(name, kind, nullable=value is None, server_default=value))
    for name, _, _ in BEFORE:
        op.drop_index(name, "task")
    _keep_plans()
    for column_name in ("playbook", "available_at"):
        op.drop_column("task", column_name)
    for name, of, rows in INDEXES:
        _make_index(name, of, rows)
    # What failed before nobody could deal with here.
    op.execute("UPDATE task SET dead_letter_at = finished_at WHERE state = 'failed'")


def downgrade() -> None:
    for name, _, _ in INDEXES:
        op.drop_index(name, "task")
    op.add_column("task", sa.Column("playbook", sa.JSON, nullable=False, server_default="{}"))
    op.add_column("task", sa.Column("available_at", TIME, nullable=False, server_default="2026-01-01 00:00:00.000000"))
    op.execute("UPDATE task SET available_at = coalesce(waits_until, submitted_at)")
    op.execute("UPDATE task SET playbook = (SELECT content FROM plan WHERE plan.id = task.plan_id) WHERE plan_id <> ''")
    for table, columns in COLUMNS.items():
        for name, _, _ in columns:
            op.drop_column(table, name)
    for name, of, rows in BEFORE:
        _make_index(name, of, rows)
    for table in TABLES:
        op.drop_table(table)


def _make_index(name: str, columns: list[str], rows: str) -> None:
    op.create_index(name, "task", columns, sqlite_where=sa.text(rows), postgresql_where=sa.text(rows))


def _keep_plans() -> None:
    """A plan for each set of contents, and its id in the tasks that follow it."""
    connection = op.get_bind()
    plan = _table("plan", "id", "created_at", "content")
    task = _table("task", "number", "plan_id", "submitted_at", "playbook")
    known: set[str] = set()
    for row in _tasks(connection, task):
        text = json.dumps(row.playbook, sort_keys=True, ensure_ascii=True)
        digest = hashlib.sha256(f"{row.tenant}\n{text}".encode()).hexdigest()
        if digest not in known:
            known.add(digest)
            values = {"id": digest, "tenant": row.tenant, "author": row.author, "created_at": row.submitted_at}
            connection.execute(sa.insert(plan).values(content=row.playbook, **values))
        connection.execute(sa.update(task).where(task.c.number == row.number).values(plan_id=digest))


def _table(name: str, *columns: str) -> sa.TableClause:
    kinds = {"playbook": sa.JSON(), "content": sa.JSON(), "created_at": TIME, "submitted_at": TIME}
    return sa.table(name, *(sa.column(each, kinds.get(each)) for each in (*columns, "tenant", "author")))


def _tasks(connection: sa.Connection, task: sa.TableClause) -> Iterator[Any]:
    last = 0
    ordered = sa.select(task).order_by(task.c.number).limit(AT_ONCE)
    while rows := connection.execute(ordered.where(task.c.number > last)).all():
        yield from rows
        last = rows[-1].number


def _make_tables() -> None:
    op.create_table(
        "leadership",
        sa.Column("work", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=120), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("work", name="pk_leadership"),
    )
    op.create_table(
        "plan",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan"),
    )
    op.create_table(
        "queue",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("paused_at", TIME, nullable=True),
        sa.Column("paused_by", sa.String(length=120), nullable=True),
        sa.Column("pause_reason", sa.String(length=300), nullable=False),
        sa.Column("max_running", sa.Integer(), nullable=True),
        sa.Column("canary_sent_at", TIME, nullable=True),
        sa.Column("canary_taken_at", TIME, nullable=True),
        sa.Column("event_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_queue"),
    )
    op.create_index("uq_queue_name", "queue", ["tenant", "name"], unique=True)

    op.create_table(
        "retention",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("keep_s", sa.BigInteger(), nullable=False),
        sa.Column("export", sa.Boolean(), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_retention"),
    )
    op.create_index("uq_retention_state", "retention", ["tenant", "state"], unique=True)

    op.create_table(
        "schedule",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("order", sa.JSON(), nullable=False),
        sa.Column("repeats", sa.String(length=20), nullable=False),
        sa.Column("rule", sa.String(length=120), nullable=False),
        sa.Column("time_zone", sa.String(length=60), nullable=False),
        sa.Column("missed", sa.String(length=20), nullable=False),
        sa.Column("overlap", sa.String(length=20), nullable=False),
        sa.Column("next_at", TIME, nullable=True),
        sa.Column("last_at", TIME, nullable=True),
        sa.Column("paused_at", TIME, nullable=True),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_schedule"),
    )
    op.create_index(
        "ix_schedule_next",
        "schedule",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.create_index("uq_schedule_name", "schedule", ["tenant", "name"], unique=True)

    op.create_table(
        "service",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=300), nullable=True),
        sa.Column("open_until", TIME, nullable=True),
        sa.Column("trial_until", TIME, nullable=True),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("refilled_at", TIME, nullable=True),
        sa.Column("failed_at", TIME, nullable=True),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_service"),
    )
    op.create_index("uq_service_name", "service", ["tenant", "name"], unique=True)

    op.create_table(
        "firing",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("schedule_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("fired_at", TIME, nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedule.id"], name="fk_firing_schedule_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_firing"),
    )
    op.create_index("uq_firing_due", "firing", ["schedule_id", "due_at"], unique=True)
