"""What web.search promises, with sites of this machine that speak the protocols of DuckDuckGo and SearXNG."""

import socket
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from models.errors import Forbidden, InvalidInput, Misconfigured, ToolFailed
from tests.support import searching
from tests.support.searching import Index
from tests.support.servers import INWARDS, Page, Site
from tests.support.timeline import Told
from tools.contract import Context, Limits, ToolResult
from tools.network import addresses, proxy
from tools.network.reach import Network, Reach
from tools.registry import find
from tools.sandbox.choice import NoSandbox
from tools.web.rules import Web
from tools.web.searches import Asked, Result
from tools.workspace import NO_WORKSPACE


@dataclass
class Kept:
    """Searches that are kept in memory."""

    rows: list[tuple[Asked, list[Result], str, bool]] = field(default_factory=list)

    def recent(self, asked: Asked, within: timedelta) -> Sequence[Result] | None:
        good = (row for row in reversed(self.rows) if row[0].digest == asked.digest and not row[2])
        return next((row[1] for row in good), None)

    def keep(self, asked: Asked, found: Sequence[Result], *, error: str = "", is_cached: bool = False) -> None:
        self.rows.append((asked, list(found), error, is_cached))


@pytest.fixture
def duck(authority: trustme.CA) -> Iterator[tuple[Site, Index]]:
    with searching.duckduckgo(authority) as found:
        found[1].add("On tides & the moon", "https://sea.example/tides?a=1&b=%26%2F", "The moon pulls the water.")
        found[1].add("Tide tables", "https://ports.example/tables", "Times of high water")
        yield found


@pytest.fixture
def searx() -> Iterator[tuple[Site, Index]]:
    with searching.searxng() as found:
        found[1].add("Tides, explained", "https://school.example/t", "Two a day", published="2024-03-05T10:00:00")
        yield found


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def context(tmp_path: Path, duck: tuple[Site, Index], bundle: Path, told: Told, kept: Kept) -> Context:
    site = duck[0]
    return Context(
        workspace=NO_WORKSPACE,
        sandbox=NoSandbox({}),
        limits=Limits(wall_s=60),
        tool_env=tmp_path,
        network=Network(local=frozenset({site.at}), ca_bundle=bundle),
        tell=told.tell,
        web=Web(duckduckgo_url=site.url("")),
        searches=kept,
    )


def search(context: Context, **arguments: Any) -> ToolResult:
    tool = find("web.search")
    return tool.run(tool.parse({"query": "tides", **arguments}), context)


def test_duckduckgo_is_asked_by_its_own_protocol_through_the_proxy(
    context: Context, duck: tuple[Site, Index], told: Told, kept: Kept
) -> None:
    result = search(context, since="w", region="uk-en")
    assert (result.exit_code, result.output["provider"], result.output["is_cached"]) == (0, "duckduckgo", False)
    assert result.output["results"][0] == {
        "title": "On tides & the moon",
        "url": "https://sea.example/tides?a=1&b=%26%2F",
        "snippet": "The moon pulls the water.",
        "position": 1,
        "published": None,
    }
    assert [each["position"] for each in result.output["results"]] == [1, 2]
    [asked] = duck[1].asked
    assert (asked["q"], asked["l"], asked["df"]) == ("tides", "uk-en", "w")
    assert [each["host"] for each in told.allowed()] == ["localhost"] and told.reasons() == []
    assert [(asked.query, len(found), error) for asked, found, error, _ in kept.rows] == [("tides", 2, "")]


def test_news_have_the_time_at_which_they_came(context: Context, duck: tuple[Site, Index]) -> None:
    result = search(context, kind="news", limit=1)
    [found] = result.output["results"]
    assert (found["url"], found["published"]) == ("https://sea.example/tides?a=1&b=%26%2F", "2024-03-05T10:00:00+00:00")


def test_second_search_for_the_same_is_answered_by_the_first(
    context: Context, duck: tuple[Site, Index], kept: Kept
) -> None:
    first, again, other = search(context), search(context), search(context, limit=1)
    assert [each.output["is_cached"] for each in (first, again, other)] == [False, True, False]
    assert first.output["results"] == again.output["results"]
    assert len(duck[1].asked) == 2
    assert [row[3] for row in kept.rows] == [False, True, False]


def test_searxng_is_asked_where_duckduckgo_refuses_and_the_timeline_says_why(
    context: Context, duck: tuple[Site, Index], searx: tuple[Site, Index], told: Told, kept: Kept
) -> None:
    duck[1].status = 202
    both = replace(context, web=replace(context.web, searxng_url=searx[0].url("")))
    result = search(both)
    assert result.output["provider"] == "searxng"
    assert result.output["results"][0]["published"] == "2024-03-05T10:00:00"
    [(_, details)] = [each for each in told.events if each[0] == "search.fell_back"]
    assert (details["provider"], details["next"]) == ("duckduckgo", "searxng")
    assert "HTTP 202" in details["reason"]
    assert [(asked.provider, bool(error)) for asked, _, error, _ in kept.rows] == [
        ("duckduckgo", True),
        ("searxng", False),
    ]


def test_failure_of_all_names_each_reason_and_may_be_tried_again(
    context: Context, duck: tuple[Site, Index], searx: tuple[Site, Index]
) -> None:
    duck[1].status, searx[1].status = 429, 500
    with pytest.raises(ToolFailed, match="HTTP 429") as alone:
        search(context)
    assert alone.value.transient
    with pytest.raises(ToolFailed, match=r"HTTP 429.*HTTP 500"):
        search(replace(context, web=replace(context.web, searxng_url=searx[0].url(""))))


def test_searxng_is_reached_for_searches_though_its_address_is_no_global_one(
    context: Context, searx: tuple[Site, Index], duck: tuple[Site, Index]
) -> None:
    only = replace(context, network=Network(), web=Web(provider="searxng", searxng_url=searx[0].url("")))
    result = search(only, since="m", region="at-de", page=2)
    assert result.output["provider"] == "searxng" and duck[1].asked == []
    [asked] = searx[1].asked
    said = {name: asked[name] for name in ("q", "time_range", "language", "pageno", "categories")}
    assert said == {"q": "tides", "time_range": "month", "language": "de-AT", "pageno": "2", "categories": "general"}


def test_searxng_that_gives_no_json_is_told_with_the_cure(context: Context, searx: tuple[Site, Index]) -> None:
    searx[0].programs["/search"] = lambda fields: Page(b"Forbidden", 403)
    only = replace(context, network=Network(), web=Web(provider="searxng", searxng_url=searx[0].url("")))
    with pytest.raises((Misconfigured, ToolFailed), match="SearXNG refuses to answer in JSON"):
        search(only)


def test_searxng_that_is_not_set_up_names_the_setting(context: Context) -> None:
    with pytest.raises(InvalidInput) as caught:
        search(context, provider="searxng")
    assert caught.value.details["setting"] == "OPSCORE_SEARXNG_URL"


def test_duckduckgo_at_an_address_that_is_not_global_is_refused(
    context: Context, duck: tuple[Site, Index], told: Told
) -> None:
    with pytest.raises(ToolFailed, match="cannot search"):
        search(replace(context, network=replace(context.network, local=frozenset())))
    assert duck[1].asked == [] and told.allowed() == []
    assert len(told.reasons()) == 1


def test_redirect_of_a_search_to_another_host_is_refused(
    context: Context, duck: tuple[Site, Index], told: Told
) -> None:
    to = {"Location": "https://169.254.169.254/latest/meta-data/"}
    duck[0].programs["/html/"] = lambda fields: Page(status=302, headers=to)
    with pytest.raises(ToolFailed):
        search(context)
    assert told.reasons() == ["addresses are not allowed, only names of hosts"]


@pytest.mark.parametrize("location", INWARDS)
def test_searxng_leads_nowhere_that_a_page_may_not(
    context: Context, searx: tuple[Site, Index], told: Told, kept: Kept, location: str
) -> None:
    searx[0].programs["/search"] = lambda fields: Page(status=302, headers={"Location": location})
    only = replace(context, network=Network(), web=Web(provider="searxng", searxng_url=searx[0].url("")))
    with pytest.raises((Forbidden, InvalidInput)):
        search(only)
    assert len(told.allowed()) == 1 and [bool(error) for _, _, error, _ in kept.rows] == [True]


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"])
def test_name_of_duckduckgo_that_leads_inwards_is_not_dialled(
    context: Context, told: Told, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    asked = []

    def answer(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["93.184.215.14", address]

    monkeypatch.setattr(addresses, "ask", answer)
    with pytest.raises(ToolFailed, match="it is"):
        search(replace(context, web=Web()))
    assert asked[0] == ("html.duckduckgo.com", 443) and told.allowed() == []
    assert all(reason.startswith("it is") for reason in told.reasons())


def test_environment_of_the_worker_leads_no_search_elsewhere(
    context: Context, duck: tuple[Site, Index], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "DDGS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{other.getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "*")
        assert search(context).exit_code == 0
    assert len(duck[1].asked) == 1


def test_certificate_of_another_authority_is_refused(context: Context, duck: tuple[Site, Index]) -> None:
    with pytest.raises(ToolFailed):
        search(replace(context, network=replace(context.network, ca_bundle=None)))
    assert duck[1].asked == []


def test_answer_that_unpacks_to_too_much_ends_its_process_alone(context: Context, duck: tuple[Site, Index]) -> None:
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    packed = packer.compress(b"<p>" * 2**22) + packer.flush(zlib.Z_FULL_FLUSH)
    header, block = packed[:10], packed[10:]  # a block that was flushed says the same wherever it stands
    duck[0].programs["/html/"] = lambda fields: Page(header + block * 128, headers={"Content-Encoding": "gzip"})
    with pytest.raises(ToolFailed, match="cannot search"):
        search(context)


def test_cancelled_search_ends(context: Context, duck: tuple[Site, Index]) -> None:
    asked = iter([False])
    result = search(replace(context, is_cancelled=lambda: next(asked, True)))
    assert (result.exit_code, result.hit) == (None, None)


def test_proxy_on_loopback_serves_nobody_without_its_password(told: Told) -> None:
    with proxy.on_loopback(Reach(frozenset({"duckduckgo.com"})), 1000, told.tell) as (address, _):
        port = int(address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(b"CONNECT duckduckgo.com:443 HTTP/1.1\r\nHost: duckduckgo.com\r\n\r\n")
            assert b" 403 " in stranger.recv(1000)
    assert told.reasons() == ["cannot forward this: it is not the call that this proxy is for"]
