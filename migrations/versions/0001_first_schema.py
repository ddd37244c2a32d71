"""first schema.

Revision 0001, the first.  The search index is FTS5 on SQLite and a table of lexemes with a GIN index on
PostgreSQL, both kept by triggers; models/search.py asks it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


SQLITE_SEARCH = (
    # Every prefix has its own list: a prefix without one is answered by merging the lists of all words under it.
    "CREATE VIRTUAL TABLE task_search USING fts5"
    "(title, description, content='task', content_rowid='number', columnsize=0,"
    " prefix='1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16', tokenize='unicode61')",
    """CREATE TRIGGER task_search_insert AFTER INSERT ON task BEGIN
        INSERT INTO task_search(rowid, title, description) VALUES (new.number, new.title, new.description);
    END""",
    """CREATE TRIGGER task_search_delete AFTER DELETE ON task BEGIN
        INSERT INTO task_search(task_search, rowid, title, description)
        VALUES ('delete', old.number, old.title, old.description);
    END""",
    """CREATE TRIGGER task_search_update AFTER UPDATE OF title, description ON task BEGIN
        INSERT INTO task_search(task_search, rowid, title, description)
        VALUES ('delete', old.number, old.title, old.description);
        INSERT INTO task_search(rowid, title, description) VALUES (new.number, new.title, new.description);
    END""",
)
POSTGRESQL_SEARCH = (
    # A table of its own: a task's row is updated often, its words are not.
    "CREATE TABLE task_search (number bigint PRIMARY KEY REFERENCES task (number) ON DELETE CASCADE,"
    " words tsvector NOT NULL)",
    # Each word twice, behind its small bucket (1,024 numbers) and its large one (32,768).  Separators are spelt
    # out, since what else is a letter depends on the database's locale.
    r"""CREATE FUNCTION task_search_words(number bigint, content text) RETURNS tsvector
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT coalesce(array_to_tsvector(array_agg(DISTINCT kind || bucket || '\:' || left(word, 16))), ''\:\:tsvector)
        FROM regexp_split_to_table(lower(left(content, 20000)),
            '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u2000-\u206f\u3000-\u303f]+') AS word,
            (VALUES ('s', number >> 10), ('l', number >> 15)) AS buckets(kind, bucket)
        WHERE word <> ''
    $$""",
    """CREATE FUNCTION task_search_keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO task_search (number, words)
        VALUES (new.number, task_search_words(new.number, new.title || ' ' || new.description))
        ON CONFLICT (number) DO UPDATE SET words = excluded.words;
        RETURN NULL;
    END $$""",
    "CREATE TRIGGER task_search_keep AFTER INSERT OR UPDATE OF title, description ON task"
    " FOR EACH ROW EXECUTE FUNCTION task_search_keep()",
    # Without the list of pending entries, which every search would have to read.
    "CREATE INDEX task_search_words ON task_search USING gin (words) WITH (fastupdate = off)",
)


def upgrade() -> None:
    op.create_table(
        "agent",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("complexity_min", sa.Integer(), nullable=True),
        sa.Column("complexity_max", sa.Integer(), nullable=True),
        sa.Column("tools", sa.JSON(), nullable=True),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent")),
    )
    with op.batch_alter_table("agent", schema=None) as batch_op:
        batch_op.create_index("uq_agent_name", ["tenant", "name"], unique=True)

    op.create_table(
        "event",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("subject_kind", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index("uq_event_subject_number", ["subject_id", "number"], unique=True)

    op.create_table(
        "sign_in_link",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_link")),
    )
    with op.batch_alter_table("sign_in_link", schema=None) as batch_op:
        batch_op.create_index("uq_sign_in_link_digest", ["digest"], unique=True)

    op.create_table(
        "task",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("complexity", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("template", sa.String(length=80), nullable=True),
        sa.Column("template_version", sa.String(length=40), nullable=True),
        sa.Column("queue", sa.String(length=120), nullable=False),
        sa.Column("agent", sa.String(length=80), nullable=True),
        sa.Column("rank_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("run_number", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pause_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("steps_total", sa.Integer(), nullable=False),
        sa.Column("steps_done", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("request_digest", sa.String(length=64), nullable=True),
        sa.Column("parent_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("playbook", sa.JSON(), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.CheckConstraint("complexity BETWEEN 1 AND 10", name=op.f("ck_task_complexity_range")),
        sa.CheckConstraint("priority BETWEEN 0 AND 9", name=op.f("ck_task_priority_range")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_task")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.create_index(
            "ix_task_claimable",
            ["queue", "rank_at"],
            unique=False,
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        )
        batch_op.create_index(
            "ix_task_finished",
            ["tenant", "finished_at"],
            unique=False,
            sqlite_where=sa.text("finished_at IS NOT NULL"),
            postgresql_where=sa.text("finished_at IS NOT NULL"),
        )
        batch_op.create_index("ix_task_tenant_agent", ["tenant", "agent", "complexity", "number"], unique=False)
        batch_op.create_index("ix_task_tenant_complexity", ["tenant", "complexity", "number"], unique=False)
        batch_op.create_index("ix_task_tenant_number", ["tenant", "number"], unique=False)
        batch_op.create_index("ix_task_tenant_state", ["tenant", "state", "complexity", "number"], unique=False)
        batch_op.create_index(
            "ix_task_tenant_state_agent", ["tenant", "state", "agent", "complexity", "number"], unique=False
        )
        batch_op.create_index(
            "ix_task_unpublished",
            ["number"],
            unique=False,
            sqlite_where=sa.text("state = 'queued' AND published_at IS NULL"),
            postgresql_where=sa.text("state = 'queued' AND published_at IS NULL"),
        )
        batch_op.create_index("uq_task_id", ["id"], unique=True)
        batch_op.create_index("uq_task_idempotency", ["tenant", "idempotency_key"], unique=True)

    op.create_table(
        "upload",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("media_type", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("agent", sa.String(length=80), nullable=False),
        sa.Column("worker_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started_at", sa.Float(precision=53), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_run_task_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index(
            "ix_run_running",
            ["host"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index("uq_run_task_number", ["task_id", "number"], unique=True)

    op.create_table(
        "step",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("parent_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("run_number", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("tool", sa.String(length=80), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("output", sa.JSON(), nullable=False),
        sa.Column("stdout", sa.Text(), nullable=False),
        sa.Column("stderr", sa.Text(), nullable=False),
        sa.Column("resources", sa.JSON(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("snapshot_before", sa.String(length=80), nullable=True),
        sa.Column("snapshot", sa.String(length=80), nullable=True),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_step_task_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step")),
    )
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.create_index("uq_step_key", ["task_id", "epoch", "key"], unique=True)

    op.create_table(
        "worker",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("nodename", sa.String(length=255), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started_at", sa.Float(precision=53), nullable=False),
        sa.Column("queues", sa.JSON(), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("sandbox", sa.JSON(), nullable=False),
        sa.Column("cpu_percent", sa.Double(), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("host_load", sa.Double(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name=op.f("fk_worker_agent_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
    )
    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.create_index("ix_worker_agent", ["agent_id", "stopped_at"], unique=False)
        batch_op.create_index("ix_worker_seen", ["stopped_at", "last_seen_at"], unique=False)

    op.create_table(
        "workspace",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("store", sa.String(length=255), nullable=False),
        sa.Column("folder", sa.String(length=80), nullable=False),
        sa.Column("run_number", sa.Integer(), nullable=False),
        sa.Column("snapshot", sa.String(length=80), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_workspace_task_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
    )
    with op.batch_alter_table("workspace", schema=None) as batch_op:
        batch_op.create_index("uq_workspace_task", ["task_id"], unique=True)

    op.create_table(
        "artifact",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("step_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("path", sa.String(length=1000), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"], name=op.f("fk_artifact_step_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_artifact_task_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact")),
    )
    with op.batch_alter_table("artifact", schema=None) as batch_op:
        batch_op.create_index("uq_artifact_path", ["task_id", "path"], unique=True)

    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_SEARCH if is_sqlite else POSTGRESQL_SEARCH:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for trigger in ("insert", "delete", "update"):
            op.execute(f"DROP TRIGGER task_search_{trigger}")
        op.execute("DROP TABLE task_search")
    else:
        op.execute("DROP TRIGGER task_search_keep ON task")
        op.execute("DROP TABLE task_search")
        op.execute("DROP FUNCTION task_search_keep()")
        op.execute("DROP FUNCTION task_search_words(bigint, text)")

    with op.batch_alter_table("artifact", schema=None) as batch_op:
        batch_op.drop_index("uq_artifact_path")

    op.drop_table("artifact")
    with op.batch_alter_table("workspace", schema=None) as batch_op:
        batch_op.drop_index("uq_workspace_task")

    op.drop_table("workspace")
    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.drop_index("ix_worker_seen")
        batch_op.drop_index("ix_worker_agent")

    op.drop_table("worker")
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.drop_index("uq_step_key")

    op.drop_table("step")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index("uq_run_task_number")
        batch_op.drop_index(
            "ix_run_running", sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL")
        )

    op.drop_table("run")
    op.drop_table("upload")
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_index("uq_task_idempotency")
        batch_op.drop_index("uq_task_id")
        batch_op.drop_index(
            "ix_task_unpublished",
            sqlite_where=sa.text("state = 'queued' AND published_at IS NULL"),
            postgresql_where=sa.text("state = 'queued' AND published_at IS NULL"),
        )
        batch_op.drop_index("ix_task_tenant_state_agent")
        batch_op.drop_index("ix_task_tenant_state")
        batch_op.drop_index("ix_task_tenant_number")
        batch_op.drop_index("ix_task_tenant_complexity")
        batch_op.drop_index("ix_task_tenant_agent")
        batch_op.drop_index(
            "ix_task_finished",
            sqlite_where=sa.text("finished_at IS NOT NULL"),
            postgresql_where=sa.text("finished_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_task_claimable", sqlite_where=sa.text("state = 'queued'"), postgresql_where=sa.text("state = 'queued'")
        )

    op.drop_table("task")
    with op.batch_alter_table("sign_in_link", schema=None) as batch_op:
        batch_op.drop_index("uq_sign_in_link_digest")

    op.drop_table("sign_in_link")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index("uq_event_subject_number")

    op.drop_table("event")
    with op.batch_alter_table("agent", schema=None) as batch_op:
        batch_op.drop_index("uq_agent_name")

    op.drop_table("agent")
