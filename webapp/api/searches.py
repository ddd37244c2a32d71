"""The searches that tasks made: the history, and one of them with its results."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from flask import Response
from flask_openapi import APIBlueprint, Tag
from pydantic import Field

from models import search_history
from models.database import db
from models.errors import NotFound
from models.search_history import LARGEST_PAGE, LOOKED_THROUGH, Filters
from webapp.api.gate import require
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.shapes import Answer, Question

part = APIBlueprint(
    "searches_api", __name__, url_prefix="/v1/searches", abp_tags=[Tag(name="Searches")], abp_security=SIGNED_IN
)
AMONG = f"without `task` among the newest {LOOKED_THROUGH:,} searches"


class SearchesQuery(Question):
    q: str | None = Field(None, max_length=200, description=f"Words that stand in what was searched for; {AMONG}.")
    provider: Literal["duckduckgo", "searxng"] | None = Field(
        None, description=f"Only those that it was asked; {AMONG}."
    )
    task: UUID | None = Field(None, description="Only those of this task, however old.")
    cursor: UUID | None = Field(None, description="`next_cursor` of the page before.")
    limit: int = Field(50, ge=1, le=LARGEST_PAGE, description="Most searches of a page.")


class SearchPath(Question):
    id: UUID = Field(description="The search's id.")


class ResultShape(Answer):
    title: str
    url: str
    snippet: str
    position: int = Field(description="From 1, as the provider ranks it.")
    published: str | None = Field(None, description="As the provider says it.")


class SearchShape(Answer):
    id: UUID
    query: str
    provider: str = Field(description="Who was asked.")
    options: dict[str, Any] = Field(description="How: kind, limit, page, since, region, safe.")
    results: list[ResultShape]
    error: str | None = Field(description="Why there is no answer.")
    is_cached: bool = Field(description="Whether an earlier search for the same answered it.")
    task_id: UUID | None = Field(description="The task that searched; it may be deleted by now.")
    at: datetime


class SearchList(Answer):
    searches: list[SearchShape]
    next_cursor: UUID | None = Field(description="Ask with it as `cursor` for what is older; null on the last page.")


@part.get("", operation_id="listSearches", responses=answers(_200=SearchList))
def list_searches(query: SearchesQuery) -> Response:
    """List the searches that tasks made, newest first."""
    require("search:read")
    filters = Filters(query.q, query.provider, str(query.task) if query.task else None)
    found = search_history.page(db.session(), filters, str(query.cursor) if query.cursor else None, query.limit)
    searches = [SearchShape.model_validate(each) for each in found.searches]
    return sent(SearchList(searches=searches, next_cursor=UUID(found.next_cursor) if found.next_cursor else None))


@part.get("/<id>", operation_id="showSearch", responses=answers(404, _200=SearchShape))
def show_search(path: SearchPath) -> Response:
    """Show one search and its results."""
    require("search:read")
    found = search_history.one(db.session(), str(path.id))
    if found is None:
        raise NotFound("cannot find the search", search_id=str(path.id))
    return sent(SearchShape.model_validate(found))
