"""The searches that tasks made, newest first, a page at a time: what people and programs look through.

A page goes on below the row that its cursor names.  Words and a provider are looked for in the newest
`LOOKED_THROUGH` only, so that a word which nobody searched for costs no more than that; a task's are all found.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.errors import InvalidInput
from models.search_query import SearchQuery

LARGEST_PAGE = 200
LOOKED_THROUGH = 20_000
MOST_WORDS = 12


@dataclass(frozen=True)
class Filters:
    """Which searches are wanted; None and "" want all.  Each word of `q` must stand in the query."""

    q: str | None = None
    provider: str | None = None
    task_id: str | None = None


@dataclass(frozen=True)
class Page:
    """Some searches, and the cursor of the next page; None on the last."""

    searches: list[SearchQuery]
    next_cursor: str | None


def page(session: Session, filters: Filters, cursor: str | None = None, limit: int = 50) -> Page:
    """The first `limit` searches that pass the filters, older than the cursor's.

    Raises:
        InvalidInput: the cursor is no id, or the limit is not between 1 and LARGEST_PAGE.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        raise _wrong("limit", f"must be between 1 and {LARGEST_PAGE}")
    wanted = _wanted(session, filters)
    if cursor:
        wanted = wanted.where(SearchQuery.id < _id(cursor))
    found = list(session.scalars(wanted.order_by(SearchQuery.id.desc()).limit(limit + 1)))
    return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)


def one(session: Session, search_id: str) -> SearchQuery | None:
    """The search of this id."""
    return session.scalars(select(SearchQuery).where(SearchQuery.id == search_id)).one_or_none()


def _wanted(session: Session, filters: Filters) -> Select[SearchQuery]:
    wanted = select(SearchQuery)
    words = (filters.q or "").split()[:MOST_WORDS]
    if filters.provider:
        wanted = wanted.where(SearchQuery.provider == filters.provider)
    if filters.task_id:
        wanted = wanted.where(SearchQuery.task_id == filters.task_id)
    for word in words:
        wanted = wanted.where(SearchQuery.query.icontains(word, autoescape=True))
    if (words or filters.provider) and not filters.task_id:
        oldest = select(SearchQuery.id).order_by(SearchQuery.id.desc()).offset(LOOKED_THROUGH - 1).limit(1)
        if (floor := session.scalar(oldest)) is not None:
            wanted = wanted.where(SearchQuery.id >= floor)
    return wanted


def _id(cursor: str) -> str:
    try:
        return str(UUID(cursor))
    except ValueError as error:
        raise _wrong("cursor", "is no cursor; use next_cursor of the page before") from error


def _wrong(path: str, message: str) -> InvalidInput:
    return InvalidInput("cannot list searches", problems=[{"path": path, "message": message}])
