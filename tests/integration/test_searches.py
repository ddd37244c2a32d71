"""The history of searches and the pages that were fetched, as runs keep them and as people and programs see them."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import func, select, update

from models import scope, search_history
from models.columns import database_now
from models.database import reading, writing
from models.search_history import Filters
from models.search_query import SearchQuery
from models.step import Step, StepState
from models.task import Task
from opscore_sdk import NotFound, OpsCoreClient
from settings import Settings
from tasks.research.pages import FamilyPages
from tasks.research.searches import KeptSearches
from tests.support import factories
from tests.support.web import Api, live_web
from tools.web.searches import Asked
from tools.web.searches import Result as Found
from worker.command_line.program import program

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OPTIONS = {"kind": "text", "limit": 10, "page": 1, "since": "", "region": "wt-wt", "safe": "moderate"}
TIDES = Asked("duckduckgo", "tides & the moon", OPTIONS)
FOUND = [Found("On Tides", "https://sea.example/tides?a=1", "The <moon> pulls", 1, "2024-03-05")]


def kept(task_id: str | None = None, keep_for: timedelta = 90 * DAY) -> KeptSearches:
    return KeptSearches(task_id, keep_for)


def count() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(SearchQuery)) or 0


def make_older(by: timedelta) -> None:
    with scope.wide("test"), writing() as session:
        session.execute(update(SearchQuery).values(at=database_now(-by)))


def test_answer_is_known_again_for_as_long_as_it_is_good(app: Flask) -> None:
    assert kept().recent(TIDES, HOUR) is None
    kept().keep(TIDES, FOUND)
    assert kept().recent(TIDES, HOUR) == FOUND
    assert kept().recent(Asked("searxng", TIDES.query, OPTIONS), HOUR) is None
    assert kept().recent(Asked("duckduckgo", TIDES.query, {**OPTIONS, "page": 2}), HOUR) is None
    make_older(2 * HOUR)
    kept().keep(TIDES, FOUND, is_cached=True)  # repeating it makes it no fresher
    assert kept().recent(TIDES, HOUR) is None
    assert kept().recent(TIDES, 3 * HOUR) == FOUND


def test_search_that_failed_is_in_the_history_and_answers_nothing(app: Flask) -> None:
    kept().keep(Asked("searxng", "a\0b", OPTIONS), [Found("\0", "https://a.example/", "\udc80", 1)], error="\0")
    kept().keep(TIDES, (), error="x" * 1000)
    assert kept().recent(TIDES, HOUR) is None
    with reading() as session:
        row, odd = search_history.page(session, Filters()).searches
    assert row.error == "x" * 500 and row.results == []
    assert (odd.query, odd.results[0]["title"], odd.results[0]["snippet"]) == ("a\ufffdb", "\ufffd", "?")


def test_answer_of_another_tenant_is_not_known(app: Flask) -> None:
    with scope.acting("agent:scout", tenant="other"):
        kept().keep(TIDES, FOUND)
    assert kept().recent(TIDES, HOUR) is None and count() == 0


def test_old_searches_leave_the_history_as_new_ones_come(app: Flask) -> None:
    for number in range(5):
        kept().keep(Asked("duckduckgo", f"old {number}", OPTIONS), FOUND)
    make_older(100 * DAY)
    kept().keep(TIDES, FOUND)
    assert count() == 1


def test_history_is_searched_by_words_provider_and_task_a_page_at_a_time(app: Flask) -> None:
    with writing() as session:
        task_id = factories.make_task(session).id
    for number in range(5):
        kept(task_id if number % 2 else None).keep(Asked("duckduckgo", f"moon {number} 100%_", OPTIONS), FOUND)
    kept().keep(Asked("searxng", "sun", OPTIONS), ())

    def queries(**wanted: Any) -> list[str]:
        with reading() as session:
            return [each.query.split()[1] for each in search_history.page(session, Filters(**wanted)).searches]

    assert queries(q="MOON") == queries(q="00% oon") == queries(provider="duckduckgo") == ["4", "3", "2", "1", "0"]
    assert queries(q="moon 3") == ["3"] and queries(task_id=task_id) == ["3", "1"]
    assert queries(q="0%_ moon 2") == ["2"] and queries(q="100x") == []
    with reading() as session:
        first = search_history.page(session, Filters(q="moon"), limit=3)
        rest = search_history.page(session, Filters(q="moon"), first.next_cursor, limit=3)
    assert [len(first.searches), len(rest.searches), rest.next_cursor] == [3, 2, None]


def test_words_are_looked_for_in_the_newest_searches_only(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_history, "LOOKED_THROUGH", 3)
    for word in ("tides", "sun", "sun", "sun"):
        kept().keep(Asked("duckduckgo", word, OPTIONS), ())
    with reading() as session:
        assert search_history.page(session, Filters(q="tides")).searches == []
        assert len(search_history.page(session, Filters()).searches) == 4


def test_searches_of_a_task_are_found_however_many_came_after(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_history, "LOOKED_THROUGH", 2)
    with writing() as session:
        task_id = factories.make_task(session).id
    kept(task_id).keep(TIDES, FOUND)
    for _ in range(3):
        kept().keep(Asked("searxng", "sun", OPTIONS), ())
    with reading() as session:
        for filters in (Filters(task_id=task_id), Filters("tides", "duckduckgo", task_id)):
            assert [each.query for each in search_history.page(session, filters).searches] == [TIDES.query]
        assert search_history.page(session, Filters(provider="duckduckgo")).searches == []


def fetched(task_id: str, url: str, state: StepState = StepState.SUCCEEDED, tool: str = "web.fetch") -> None:
    with writing() as session:
        task = session.scalars(select(Task).where(Task.id == task_id)).one()
        position = (session.scalar(select(func.count()).select_from(Step)) or 0) + 1
        step = factories.make_step(session, task, position=position)
        step.tool, step.state, step.arguments = tool, state, {"url": f"{url}?asked"}
        step.output = {"url": url, "text": "words", "title": None, "text_path": "research/x.md", "status": 200}


def test_pages_that_were_fetched_are_those_of_the_task_and_its_family(app: Flask) -> None:
    with writing() as session:
        root = factories.make_task(session)
        child, stranger = factories.make_task(session), factories.make_task(session)
        root.root_id = child.root_id = root.id
        ids = [task.id for task in (root, child, stranger)]
    for task_id, url in zip(ids, ("https://a.example/", "https://b.example/", "https://c.example/"), strict=True):
        fetched(task_id, url)
    fetched(ids[0], "https://failed.example/", state=StepState.FAILED)
    fetched(ids[0], "https://found.example/", tool="web.search")
    urls = [{page.url for page in FamilyPages(task_id).fetched()} for task_id in ids]
    assert urls == [{"https://a.example/", "https://b.example/"}] * 2 + [{"https://c.example/"}]
    [page] = FamilyPages(ids[2]).fetched()
    assert (page.asked, page.title, page.text, page.text_path) == (
        "https://c.example/?asked",
        "",
        "words",
        "research/x.md",
    )


def test_page_that_was_fetched_again_comes_before_what_it_was(app: Flask) -> None:
    with writing() as session:
        task_id = factories.make_task(session).id
    for url in ("https://a.example/old", "https://b.example/", "https://a.example/new"):
        fetched(task_id, url)
    urls = [page.url for page in FamilyPages(task_id).fetched()]
    assert urls == ["https://a.example/new", "https://b.example/", "https://a.example/old"]


def test_api_lists_and_shows_searches(api: Api) -> None:
    kept().keep(TIDES, FOUND)
    kept().keep(TIDES, (), error="cannot search: HTTP 202")
    listed = api.ask("GET", "/v1/searches?q=tides&provider=duckduckgo&limit=1").json
    assert listed["searches"][0]["error"] == "cannot search: HTTP 202"
    older = api.ask("GET", f"/v1/searches?cursor={listed['next_cursor']}").json
    [search] = older["searches"]
    assert (search["query"], search["results"][0]["url"], search["is_cached"]) == (TIDES.query, FOUND[0].url, False)
    assert api.ask("GET", f"/v1/searches/{search['id']}").json == search
    assert api.ask("GET", f"/v1/searches/{search['id'][:-4]}0000").status_code == 404
    assert api.ask("GET", "/v1/searches?provider=elsewhere").status_code == 422


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_client_and_command_line_show_the_same(
    web: Flask, database: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept().keep(TIDES, FOUND)
    kept().keep(Asked("searxng", "sun", OPTIONS), (), error="cannot search")
    with live_web(database, tmp_path / "web.log") as live, OpsCoreClient(live.url, live.token) as client:
        assert [each.query for each in client.searches.all()] == ["sun", TIDES.query]
        [search] = client.searches.page(q="moon").searches
        assert client.searches.named(search.id).results == search.results and search.at is not None
        with pytest.raises(NotFound):
            client.searches.named(f"{search.id[:-4]}0000")
        monkeypatch.setenv("OPSCORE_URL", live.url)
        monkeypatch.setenv("COLUMNS", "200")
        listed = opscore("search", "list", "tides").stdout
        assert re.search(rf"{search.id} .*duckduckgo +1 +tides & the moon", listed), listed
        assert "failed" in opscore("search", "list", "--provider", "searxng").stdout
        shown = opscore("search", "show", search.id).stdout
        assert "  1. On Tides\n     https://sea.example/tides?a=1" in shown
        assert json.loads(opscore("--json", "search", "show", search.id).stdout)["query"] == TIDES.query


def opscore(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(program, arguments, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result
