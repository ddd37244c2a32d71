"""The schema goes up, down and up again on both databases, and is what the models say."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, select

import settings
from models import scope
from models.database import bare_app, db, migrating_app, reading, writing
from models.search import is_search_object
from models.task import Task
from models.task_list import Filters, page
from models.workspace import Upload, UploadUse
from tests.support.factories import make_task


def test_schema_goes_down_and_up_and_equals_the_models(database: settings.Settings) -> None:
    app = migrating_app(database)
    with app.app_context():
        downgrade(revision="base")
        left = [name for name in inspect(db.engine).get_table_names() if name != "alembic_version"]
        assert left == []
        upgrade()
        with db.engine.connect() as connection:
            context = MigrationContext.configure(
                connection,
                opts={"include_object": lambda _thing, name, *_: not is_search_object(name), "compare_type": True},
            )
            assert compare_metadata(context, db.metadata) == []
        db.engine.dispose()


def test_rows_and_their_search_survive_a_way_back_and_forth(database: settings.Settings) -> None:
    app = migrating_app(database)
    with app.app_context():
        with scope.acting("person:alice"), writing() as session:
            make_task(session, title="Count the pebbles", limits={"memory": 2**29})
        downgrade(revision="0001")
        upgrade()
        with scope.acting("person:alice"), writing() as session:
            make_task(session, title="Count more pebbles")
        with scope.acting("person:alice"), reading() as session:
            found = page(session, Filters(q="pebbles")).tasks
            assert [task.title for task in found] == ["Count more pebbles", "Count the pebbles"]
            assert session.scalars(select(Task.limits)).all() == [{}, {}]
        db.engine.dispose()


def test_uploads_that_tasks_name_are_known_after_the_migration(database: settings.Settings) -> None:
    app = migrating_app(database)
    with app.app_context(), scope.acting("person:alice"):
        with writing() as session:
            upload = Upload(name="a.csv", size_bytes=3, digest="d", media_type="text/csv")
            session.add(upload)
            session.flush()
            task = make_task(session, inputs={"table": f"upload:{upload.id}", "gone": "upload:nothing", "top": 3})
            make_task(session)
        downgrade(revision="0003")
        upgrade()
        with reading() as session:
            found = session.scalars(select(UploadUse)).all()
            assert [(each.upload_id, each.task_id) for each in found] == [(upload.id, task.id)]
        db.engine.dispose()


@pytest.mark.parametrize(
    "pragma, value", [("journal_mode", "wal"), ("foreign_keys", 1), ("synchronous", 2), ("auto_vacuum", 2)]
)
def test_sqlite_is_opened_safely(sqlite: settings.Settings, pragma: str, value: object) -> None:
    app = bare_app(sqlite)
    with app.app_context(), db.engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    with app.app_context():
        db.engine.dispose()
