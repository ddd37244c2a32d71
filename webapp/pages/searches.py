"""The searches that tasks made: a list to look through, and one of them with what it found.

How a page is read: models/search_history.py.  Who writes them: tasks/research/searches.py.
"""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from models import search_history
from models.database import db
from models.errors import NotFound
from models.search_history import Filters
from models.search_query import SearchQuery
from models.task import Task
from webapp import gate
from webapp.pages.task import checked_id

page = Blueprint("searches", __name__)

PROVIDERS = {"duckduckgo": "DuckDuckGo", "searxng": "SearXNG"}
OPTIONS = {
    "kind": {"text": "web pages", "news": "news"},
    "since": {"d": "of the last day", "w": "of the last week", "m": "of the last month", "y": "of the last year"},
    "safe": {"on": "filtered strictly", "off": "not filtered"},
}


@page.get("/searches")
def show() -> ResponseReturnValue:
    """The history; for htmx only what the filters found, or what follows."""
    gate.allow("search:read")
    filters = _filters()
    found = search_history.page(db.session(), filters, request.args.get("cursor") or None)
    where = {name: value for name, value in (("q", filters.q), ("provider", filters.provider)) if value}
    template = "pages/searches.html"
    if "HX-Request" in request.headers:
        template = "parts/search_rows.html" if request.args.get("cursor") else "parts/search_results.html"
    return render_template(
        template, found=found, filters=filters, where=where, titles=_titles(found.searches), **_words()
    )


@page.get("/searches/<search_id>")
def one(search_id: str) -> ResponseReturnValue:
    """One search."""
    gate.allow("search:read")
    found = search_history.one(db.session(), checked_id(search_id))
    if found is None:
        raise NotFound("cannot find the search", search_id=search_id)
    return render_template("pages/search.html", search=found, titles=_titles([found]), **_words())


def told(search: SearchQuery) -> list[str]:
    """How it was asked, in words; what is usual is not said."""
    said = [words[value] for name, words in OPTIONS.items() if (value := search.options.get(name)) in words]
    if (number := search.options.get("page", 1)) != 1:
        said.append(f"page {number}")
    if (region := search.options.get("region", "wt-wt")) != "wt-wt":
        said.append(f"region {region}")
    return said


def _filters() -> Filters:
    provider = request.args.get("provider", "")
    return Filters(request.args.get("q", "").strip()[:200] or None, provider if provider in PROVIDERS else None)


def _titles(searches: list[SearchQuery]) -> dict[str, str]:
    """The titles of the tasks that are still there."""
    wanted = {each.task_id for each in searches if each.task_id}
    rows = db.session.execute(select(Task.id, Task.title).where(Task.id.in_(wanted))) if wanted else ()
    return {row[0]: row[1] for row in rows}


def _words() -> dict[str, object]:
    return {"providers": PROVIDERS, "told": told}
