"""Full-text search over tasks: FTS5 on SQLite, a text-search index on PostgreSQL.

Both find the beginnings of words, so that a search finds while somebody types.  Both answer
in the order of arrival without sorting all matches.  The index itself is made in
migrations/versions/0001_first_schema.py.
"""

import re

from sqlalchemy import ColumnElement, Dialect, func, literal_column, select
from sqlalchemy.sql.expression import column, table

from models.task import Task

_INDEX = "task_search"
_WORDS = "to_tsvector('simple', title || ' ' || description)"


def is_search_object(name: str | None) -> bool:
    """Whether a table or index of the database is part of the search index."""
    return bool(name and name.startswith(_INDEX))


def matching(query: str, dialect: Dialect) -> ColumnElement[bool] | None:
    """The condition on `Task` that every word of the query begins a word of it; None for no words."""
    words = re.findall(r"\w+", query)[:12]
    if not words:
        return None
    if dialect.name == "sqlite":
        index = table(_INDEX, column("rowid"))
        wanted = " ".join(f'"{word}"*' for word in words)
        return Task.number.in_(select(index.c.rowid).where(literal_column(_INDEX).op("MATCH")(wanted)))
    wanted = " & ".join(f"{word}:*" for word in words)
    return literal_column(_WORDS.replace("title", "task.title").replace("description", "task.description")).op("@@")(
        func.to_tsquery("simple", wanted)
    )
