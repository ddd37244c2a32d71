"""How migrations run: on the engine of the Flask app at hand, in one transaction.

Made a migration: `.venv/bin/flask --app migrations.app db revision --autogenerate --rev-id 0002 -m "what"`.
SQLite cannot alter a table in place, hence batch mode.
"""

from alembic import context
from flask import current_app

from models.columns import UtcTime
from models.database import db
from models.search import is_search_object


def _render(kind: str, thing: object, _context: object) -> str | bool:
    """Migrations must not import the project: its types change, history does not."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(thing, UtcTime) else False


def _include(_thing: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    return not is_search_object(name)


def run() -> None:
    """Bring the database to the revision that was asked for."""
    options = current_app.extensions["migrate"].configure_args
    with db.engine.connect().execution_options(opscore_writing=True) as connection:
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=_render,
            include_object=_include,
            transactional_ddl=True,
            **options,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
