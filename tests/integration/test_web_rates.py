"""What sites and providers want of all workers together, kept by the database and seen in the sites' own logs."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from models.errors import ServiceUnavailable, ToolFailed
from tasks.runs.services import SharedServices
from tests.support import searching, servers
from tests.support.servers import Page, Site
from tests.support.timeline import Told
from tools.contract import Context, Limits, never
from tools.network.reach import Network
from tools.registry import find
from tools.sandbox.choice import NoSandbox
from tools.web.rules import Web
from tools.workspace import Workspace

TEXT = {"Content-Type": "text/plain"}


@pytest.fixture
def site() -> Iterator[Site]:
    with servers.serving() as site:
        site.pages["/a"] = Page(b"x", headers=TEXT)
        yield site


@pytest.fixture
def context(app: Flask, site: Site, tmp_path: Path) -> Context:
    return Context(
        workspace=Workspace.create(tmp_path / "workspaces", "w1"),
        sandbox=NoSandbox({}),
        limits=Limits(wall_s=30),
        tool_env=tmp_path,
        network=Network(local=frozenset({site.at})),
        web=Web(robots=tmp_path / "robots"),
        services=SharedServices({}, Told().tell, never),
    )


def fetch(context: Context, site: Site) -> int | None:
    tool = find("web.fetch")
    return tool.run(tool.parse({"url": site.url("/a")}), context).exit_code


def log(site: Site) -> list[str]:
    return [seen["path"] for seen in site.seen]


def test_crawl_delay_of_a_site_holds_for_all_workers(context: Context, site: Site) -> None:
    site.pages["/robots.txt"] = Page(b"User-agent: *\nCrawl-delay: 3600\n", headers=TEXT)
    assert fetch(context, site) == 0
    another = replace(context, services=SharedServices({}, Told().tell, never))
    with pytest.raises(ServiceUnavailable, match="called once in 3600 s at most") as caught:
        fetch(another, site)
    assert caught.value.details["retry_after_s"] > 3000
    assert log(site) == ["/robots.txt", "/a"]


def test_slower_of_the_settings_rate_and_the_sites_holds(context: Context, site: Site) -> None:
    site.pages["/robots.txt"] = Page(b"User-agent: *\nCrawl-delay: 0.001\n", headers=TEXT)
    slow = replace(context, services=SharedServices({f"web:{site.at}": "1/h"}, Told().tell, never))
    # The rate of the settings counts each request of the host, so robots.txt itself has used it up.
    with pytest.raises(ServiceUnavailable, match="called 1/h at most"):
        fetch(slow, site)
    assert log(site) == ["/robots.txt"]


def test_provider_of_searches_is_asked_no_more_often_than_the_settings_say(context: Context) -> None:
    tool = find("web.search")
    with searching.searxng() as (searx, index):
        web = Web(provider="searxng", searxng_url=searx.url(""))
        paced = replace(context, web=web, services=SharedServices({"search:*": "1/h"}, Told().tell, never))
        assert tool.run(tool.parse({"query": "tides"}), paced).exit_code == 0
        with pytest.raises(ToolFailed, match="called 1/h at most") as caught:
            tool.run(
                tool.parse({"query": "moon"}), replace(paced, web=replace(web, duckduckgo_url="https://localhost"))
            )
        assert caught.value.transient
        assert [asked["q"] for asked in index.asked] == ["tides"]
