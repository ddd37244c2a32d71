"""What web.fetch keeps of a site's robots.txt: told by the log of a site of this machine."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from models.errors import Forbidden, InvalidInput, ToolFailed
from tests.support import servers
from tests.support.servers import INWARDS, Page, Site
from tests.support.timeline import Told
from tools.contract import Context, Limits, ToolResult
from tools.network.reach import Network
from tools.network.url import Url
from tools.registry import find
from tools.sandbox.choice import NoSandbox
from tools.services import Unwatched
from tools.web import robots
from tools.web.rules import Web
from tools.workspace import Workspace

TEXT = {"Content-Type": "text/plain"}


@dataclass
class Paced(Unwatched):
    """Services that note how far apart each host wants to be called."""

    wanted: list[tuple[str, timedelta | None]] = field(default_factory=list)

    def using(self, name: str, apart: timedelta | None = None) -> Any:
        self.wanted.append((name, apart))
        return super().using(name, apart)


@pytest.fixture
def site(authority: trustme.CA) -> Iterator[Site]:
    with servers.serving(authority) as site:
        site.pages["/a"] = site.pages["/private/b"] = Page(b"x", headers=TEXT)
        yield site


@pytest.fixture
def context(tmp_path: Path, site: Site, bundle: Path, told: Told) -> Context:
    return Context(
        workspace=Workspace.create(tmp_path / "workspaces", "w1"),
        sandbox=NoSandbox({}),
        limits=Limits(wall_s=20, network_bytes=4 * 2**20, file_bytes=4 * 2**20),
        tool_env=tmp_path,
        network=Network(local=frozenset({site.at}), ca_bundle=bundle),
        tell=told.tell,
        services=Paced(),
        web=Web(robots=tmp_path / "robots"),
    )


def run(context: Context, url: str) -> ToolResult:
    tool = find("web.fetch")
    return tool.run(tool.parse({"url": url}), context)


def log(site: Site) -> list[str]:
    return [seen["path"] for seen in site.seen]


def test_robots_txt_is_asked_for_first_and_only_once(context: Context, site: Site) -> None:
    run(context, site.url("/a"))
    run(context, site.url("/a"))
    assert log(site) == ["/robots.txt", "/a", "/a"]
    assert {seen["user-agent"] for seen in site.seen} == {"OpsCore"}


def test_page_that_it_refuses_is_not_asked_for(context: Context, site: Site, told: Told) -> None:
    site.pages["/robots.txt"] = Page(b"User-agent: *\nDisallow: /private/\n", headers=TEXT)
    with pytest.raises(Forbidden, match=r"robots\.txt does not allow it"):
        run(context, site.url("/private/b"))
    run(context, site.url("/a"))
    assert log(site) == ["/robots.txt", "/a"]
    assert [details["url"] for kind, details in told.events if kind == "robots.refused"] == [site.url("/private/b")]


def test_redirect_leads_to_no_page_that_it_refuses(context: Context, site: Site) -> None:
    site.pages["/robots.txt"] = Page(b"User-agent: *\nDisallow: /private/\n", headers=TEXT)
    site.pages["/a"] = Page(status=302, headers={"Location": "/private/b"})
    with pytest.raises(Forbidden, match=r"robots\.txt"):
        run(context, site.url("/a"))
    assert "/private/b" not in log(site)


def test_group_of_our_own_counts_before_that_of_all(context: Context, site: Site) -> None:
    rules = "User-agent: *\nDisallow: /\n\nuser-agent: other\nUser-Agent: OPSCORE\nDisallow: /a\nAllow: /private/\n"
    site.pages["/robots.txt"] = Page(rules.encode(), headers=TEXT)
    assert run(context, site.url("/private/b")).exit_code == 0
    with pytest.raises(Forbidden):
        run(context, site.url("/a"))


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("Crawl-delay: 2.5", 2.5), ("Request-rate: 1/10", 10), ("Crawl-delay: 3\nRequest-rate: 1/2", 3), ("", None),
     ("Crawl-delay: 1e300", 86400)],
)  # fmt: skip
def test_site_is_called_no_more_often_than_it_wants(
    context: Context, site: Site, written: str, seconds: float | None
) -> None:
    site.pages["/robots.txt"] = Page(f"User-agent: *\n{written}\n".encode(), headers=TEXT)
    run(context, site.url("/a"))
    apart = timedelta(seconds=seconds) if seconds is not None else None
    assert context.services.wanted == [(f"web:{site.at}", None), (f"web:{site.at}", apart)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", [404, 403, 410])
def test_site_without_one_allows_everything(context: Context, site: Site, status: int) -> None:
    site.pages["/robots.txt"] = Page(b"User-agent: *\nDisallow: /\n", status, TEXT)
    assert run(context, site.url("/a")).exit_code == 0


@pytest.mark.parametrize("status", [500, 503, 429])
def test_site_that_cannot_say_now_is_left_alone_and_tried_again(context: Context, site: Site, status: int) -> None:
    site.pages["/robots.txt"] = Page(b"", status, TEXT | {"Retry-After": "9"})
    with pytest.raises(ToolFailed, match=r"robots\.txt is not to be had now") as caught:
        run(context, site.url("/a"))
    assert caught.value.transient and caught.value.details["retry_after_s"] == 9
    assert log(site) == ["/robots.txt"]
    site.pages["/robots.txt"] = Page(b"", headers=TEXT)
    assert run(context, site.url("/a")).exit_code == 0


@pytest.mark.parametrize("location", INWARDS)
def test_robots_txt_leads_nowhere_that_a_page_may_not(context: Context, site: Site, told: Told, location: str) -> None:
    site.pages["/robots.txt"] = Page(status=302, headers={"Location": location})
    with pytest.raises((Forbidden, InvalidInput)):
        run(context, site.url("/a"))
    assert log(site) == ["/robots.txt"] and len(told.allowed()) == 1


def test_rules_that_were_made_to_be_large_are_read_all_the_same(context: Context, site: Site) -> None:
    agents = "".join(f"User-agent: bot{number}\n" for number in range(20_000))
    rules = "".join(f"Disallow: /*x*y*{number}$\n" for number in range(20_000))
    site.pages["/robots.txt"] = Page(f"{agents}{rules}\nUser-agent: *\nDisallow: /private/\n".encode(), headers=TEXT)
    assert run(context, site.url("/a")).exit_code == 0
    with pytest.raises(Forbidden):
        run(context, site.url("/private/b"))


def test_one_that_is_too_large_is_no_permission(context: Context, site: Site) -> None:
    site.pages["/robots.txt"] = Page(b"#" * 2**21, headers=TEXT)
    with pytest.raises(ToolFailed, match="too large") as caught:
        run(context, site.url("/a"))
    assert not caught.value.transient


def test_number_of_kept_files_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robots, "MOST_KEPT", 10)
    for number in range(40):
        robots.keep(Url.parse(f"https://site{number}.example/"), tmp_path, "")
    assert len(list(tmp_path.iterdir())) <= 10


def test_rules_are_kept_for_a_site_and_for_no_other(context: Context, site: Site) -> None:
    none = replace(context, web=Web(robots=None))
    run(none, site.url("/a"))
    run(none, site.url("/a"))
    assert log(site) == ["/robots.txt", "/a"] * 2
