"""Sites that answer searches as DuckDuckGo and SearXNG do, over the protocols that they speak."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import quote

import trustme

from tests.support import servers
from tests.support.servers import Page, Site

HTML = {"Content-Type": "text/html; charset=UTF-8"}
JSON = {"Content-Type": "application/json"}


@dataclass
class Index:
    """What is found, and for what it was asked; `status` other than 200 is all that it answers then."""

    found: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    status: int = 200

    def add(self, title: str, url: str, snippet: str, **more: Any) -> None:
        """One more result."""
        self.found.append({"title": title, "url": url, "snippet": snippet, **more})


@contextmanager
def duckduckgo(authority: trustme.CA) -> Iterator[tuple[Site, Index]]:
    """DuckDuckGo's page without scripts, and its news."""
    index = Index()
    with servers.serving(authority) as site:
        site.programs["/html/"] = lambda fields: _duck_page(index, fields)
        site.programs["/news.js"] = lambda fields: _duck_news(index, fields)
        site.pages["/?q=tides"] = Page(b'<script>vqd="4-123456789";</script>', headers=HTML)
        yield site, index


def _duck_page(index: Index, fields: dict[str, str]) -> Page:
    index.asked.append(fields)
    if index.status != 200:
        return Page(b"<html>If this error persists, please let us know</html>", index.status, HTML)
    return Page(f"<html><body>{''.join(map(_duck_result, index.found))}</body></html>".encode(), headers=HTML)


def _duck_result(result: dict[str, Any]) -> str:
    href = escape(f"//duckduckgo.com/l/?uddg={quote(result['url'], safe='')}&rut=0123")
    title, snippet = escape(result["title"]), escape(result["snippet"])
    return f"""
<div class="result results_links results_links_deep web-result"><div class="links_main links_deep result__body">
  <h2 class="result__title"><a rel="nofollow" class="result__a" href="{href}">{title}</a></h2>
  <a class="result__snippet" href="{href}">{snippet}</a>
</div></div>"""


def _duck_news(index: Index, fields: dict[str, str]) -> Page:
    index.asked.append(fields)
    if fields.get("vqd") != "4-123456789":
        return Page(b"{}", 403, JSON)
    found = [
        {
            "title": each["title"],
            "url": each["url"],
            "excerpt": each["snippet"],
            "date": 1709632800,
            "source": "Sea Times",
        }
        for each in index.found
    ]
    return Page(json.dumps({"results": found}).encode(), headers=JSON)


@contextmanager
def searxng() -> Iterator[tuple[Site, Index]]:
    """A SearXNG that may answer in JSON."""
    index = Index()
    with servers.serving() as site:
        site.programs["/search"] = lambda fields: _searx(index, fields)
        yield site, index


def _searx(index: Index, fields: dict[str, str]) -> Page:
    index.asked.append(fields)
    if index.status != 200 or fields.get("format") != "json":
        return Page(b"<html>Forbidden</html>", index.status if index.status != 200 else 403, HTML)
    found = [
        {"title": each["title"], "url": each["url"], "content": each["snippet"], "publishedDate": each.get("published")}
        for each in index.found
    ]
    return Page(json.dumps({"query": fields["q"], "results": found}).encode(), headers=JSON)
