"""The tools of research in a playbook, by real workers: a search, the page that it found, and a reference to that."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.support import searching, servers
from tests.support.searching import Index
from tests.support.servers import Page, Site
from tests.support.workplace import SCOUT, AgentWanted, Workplace, plan

pytestmark = [pytest.mark.usefixtures("web", "celery_worker_cluster"), pytest.mark.long]


@pytest.fixture(scope="module")
def agents() -> list[AgentWanted]:
    return [SCOUT]


@pytest.fixture(scope="module")
def web(workplace: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Index]]:
    """DuckDuckGo and one page, which the workers are told of before they start."""
    authority = trustme.CA()
    bundle: Path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with searching.duckduckgo(authority) as (duck, index), servers.serving(authority) as site:
        site.pages["/tides"] = Page(b"<html><title>On Tides</title><p>There are two tides a day.</p>", headers=HTML)
        index.add("On Tides", site.url("/tides"), "two a day")
        workplace.environment["OPSCORE_NETWORK_LOCAL"] = json.dumps([duck.at, site.at])
        workplace.environment["OPSCORE_DUCKDUCKGO_URL"] = duck.url("")
        workplace.environment["OPSCORE_CA_BUNDLE"] = str(bundle)
        yield site, index


HTML = {"Content-Type": "text/html"}


def test_page_that_a_search_found_is_read_and_cited(web: tuple[Site, Index], workplace: Workplace) -> None:
    task_id = workplace.submit(
        plan(
            {"name": "find", "tool": "web.search", "with": {"query": "tides"}},
            {"name": "fetch", "tool": "web.fetch", "with": {"url": "{{ steps.find.output.results[0].url }}"}},
            {
                "name": "note",
                "tool": "research.note",
                "with": {"claim": "Two", "url": "{{ steps.fetch.output.url }}", "quote": "There are two tides a day."},
            },
            {"name": "list", "tool": "research.bibliography", "with": {"style": "ieee"}},
        )
    )
    workplace.succeeded(task_id, within_s=120)
    steps = workplace.steps(task_id)
    assert steps["find"].output["provider"] == "duckduckgo"
    assert steps["note"].output["marker"] == "[1]"
    assert "“On Tides.”" in steps["list"].output["text"]
    assert [asked["q"] for asked in web[1].asked] == ["tides"]
    assert [seen["path"] for seen in web[0].seen] == ["/robots.txt", "/tides"]
