"""The searches that tasks made, kept in the database: tools/web/searches.py at work, and their history for people.

A database that is away is no reason not to search: the run's own writes wait for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.columns import database_now
from models.database import reading, writing
from models.search_query import SearchQuery
from tasks.runs.outcome import clean
from tasks.runs.services import unless_away
from tools.web.searches import Asked, Result

FORGOTTEN_AT_ONCE = 20
LONGEST_ERROR = 500


@dataclass(frozen=True)
class KeptSearches:
    """The searches as one call of a task's tool uses them."""

    task_id: str | None
    keep_for: timedelta

    def recent(self, asked: Asked, within: timedelta) -> Sequence[Result] | None:
        """See `Searches`."""
        return unless_away(partial(_recent, asked, within), None)

    def keep(self, asked: Asked, found: Sequence[Result], *, error: str = "", is_cached: bool = False) -> None:
        """See `Searches`."""
        row = SearchQuery(
            provider=asked.provider,
            query=clean(asked.query),
            options=dict(asked.options),
            digest=asked.digest,
            results=[clean(each.as_dict()) for each in found],
            error=clean(error)[:LONGEST_ERROR] or None,
            is_cached=is_cached,
            task_id=self.task_id,
        )
        unless_away(partial(_add, row, self.keep_for), None)


def _recent(asked: Asked, within: timedelta) -> list[Result] | None:
    newest = (
        select(SearchQuery.results)
        .where(SearchQuery.digest == asked.digest, SearchQuery.at >= database_now(-within))
        .where(SearchQuery.error.is_(None), SearchQuery.is_cached.is_(False))
        .order_by(SearchQuery.at.desc())
        .limit(1)
    )
    with reading() as session:
        found: list[Any] | None = session.scalar(newest)
    return [Result(**each) for each in found] if found is not None else None


def _add(row: SearchQuery, keep_for: timedelta) -> None:
    with writing() as session:
        session.add(row)
        _forget_old(session, keep_for)


def _forget_old(session: Session, keep_for: timedelta) -> None:
    """Delete a few that are too old: more than came, so that their number has a bound."""
    old = select(SearchQuery.id).where(SearchQuery.at < database_now(-keep_for)).order_by(SearchQuery.at)
    ids = list(session.scalars(old.limit(FORGOTTEN_AT_ONCE)))
    session.execute(delete(SearchQuery).where(SearchQuery.id.in_(ids)))
