"""Ask DuckDuckGo by the library ddgs: run as a process of its own by our Python, never imported.

    python -I -B asking.py        an order as JSON on stdin, the answer as JSON on stdout

It takes the engine of DuckDuckGo alone: the library's own front falls back to other search engines without a word, and
ranks anew what was found.  All goes through the proxy of the order; a redirect to another host ends there.
"""

import json
import resource
import signal
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

OWN = ("https://html.duckduckgo.com", "https://duckduckgo.com")
_LONGEST = {"title": 300, "url": 2000, "snippet": 1000, "published": 40}
_FIELDS = {
    "text": {"title": "title", "url": "href", "snippet": "body"},
    "news": {"title": "title", "url": "url", "snippet": "body", "published": "date"},
}


class Led:
    """The library's connection, led to the address of the order; remembers what the last answer's status was."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url
        self.status: int | None = None

    def request(self, method: str, url: str, **more: Any) -> Any:
        """As the library's own."""
        origin = next((each for each in OWN if url == each or url.startswith(f"{each}/")), None)
        if origin is None:
            raise ValueError(f"cannot ask another host than DuckDuckGo: {url[:200]}")
        answer = self._client.request(method, (self._url or origin) + (url[len(origin) :] or "/"), **more)
        self.status = answer.status_code
        return answer


def limit(order: dict[str, Any]) -> None:
    """Whatever an answer makes the libraries do, it ends."""
    for kind, most in (
        (resource.RLIMIT_AS, order["memory_bytes"]),
        (resource.RLIMIT_CPU, order["seconds"]),
        (resource.RLIMIT_FSIZE, order["answer_bytes"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    signal.alarm(order["seconds"] + 1)  # also when the worker is gone


def ask(order: dict[str, Any]) -> dict[str, Any]:
    """The results, or the error, and the status of the last answer."""
    from ddgs.engines import ENGINES
    from ddgs.results import BaseResult

    # It would take the %XX out of addresses, and some of them lead elsewhere then.
    BaseResult._normalizers = {name: of for name, of in BaseResult._normalizers.items() if name not in ("href", "url")}
    kind = order["kind"]
    engine: Any = ENGINES[kind]["duckduckgo"](
        proxy=order["proxy"], timeout=order["seconds"], verify=order["certificates"]
    )
    led = Led(engine.http_client, order["url"])
    engine.http_client = led
    try:
        found = engine.search(order["query"], region=order["region"], safesearch=order["safe"],
                              timelimit=order["since"] or None, page=order["page"])  # fmt: skip
    except Exception as error:  # noqa: BLE001  (the library raises whatever its own libraries do)
        return {"status": led.status, "error": f"{type(error).__name__}: {error}"[:500]}
    if found is None:
        return {"status": led.status, "error": f"HTTP {led.status}"}
    return {"status": led.status, "results": told(found, _FIELDS[kind], order["limit"])}


def told(found: list[Any], fields: dict[str, str], most: int) -> list[dict[str, Any]]:
    """The results that lead somewhere, each URL once, nothing longer than its place."""
    results: dict[str, dict[str, Any]] = {}
    for each in found:
        said = {name: str(getattr(each, of, None) or "")[: _LONGEST[name]] for name, of in fields.items()}
        said["url"] = plain(said["url"])
        if urlsplit(said["url"]).scheme in ("http", "https"):
            results.setdefault(said["url"], {**said, "position": len(results) + 1})
    return list(results.values())[:most]


def plain(url: str) -> str:
    """Where a result leads, without DuckDuckGo's own page in between."""
    there = f"https:{url}" if url.startswith("//") else url
    parts = urlsplit(there)
    if parts.hostname == "duckduckgo.com" and parts.path.startswith("/l/"):
        return parse_qs(parts.query).get("uddg", [there])[0]
    return there


if __name__ == "__main__":
    given = json.load(sys.stdin)
    limit(given)
    print(json.dumps(ask(given)))  # noqa: T201
