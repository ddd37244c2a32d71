"""Ask a SearXNG, by its JSON API; one that the settings name, and reached for searches alone."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from models.errors import Misconfigured, ToolFailed
from tools.contract import MIB, Context
from tools.network.budget import Spent
from tools.network.fetch import Fetched, fetch
from tools.network.url import PORTS
from tools.web.searches import Asked, Result

SERVICE = "search:searxng"
SETTING = "OPSCORE_SEARXNG_URL"
_WALL_S = 30.0
_ANSWER_BYTES = 8 * MIB
_CATEGORIES = {"text": "general", "news": "news"}
_RANGES = {"d": "day", "w": "week", "m": "month", "y": "year"}
_SAFE = {"on": "2", "moderate": "1", "off": "0"}


def search(asked: Asked, context: Context) -> list[Result]:
    """What it finds.

    Raises:
        ServiceUnavailable: it is left alone for now, or has no turn soon.
        ToolFailed: it did not answer, or its answer makes no sense.
        Misconfigured: it gives no JSON; says which setting of its own that is.
    """
    limits = context.limits.tightened(wall_s=_WALL_S, network_bytes=_ANSWER_BYTES, file_bytes=_ANSWER_BYTES)
    reaching = replace(context, network=replace(context.network, local=context.network.local | {_at(context)}))
    with context.services.using(SERVICE):
        found = fetch(_url(asked, context.web.searxng_url), replace(reaching, limits=limits))
        return _results(_answer(found), int(asked.options["limit"]))


def _at(context: Context) -> str:
    """The one host and port that is open for this call, whatever its address."""
    parts = urlsplit(context.web.searxng_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or PORTS[parts.scheme]}"


def _url(asked: Asked, base: str) -> str:
    options = asked.options
    country, _, language = str(options["region"]).partition("-")
    said = {
        "q": asked.query,
        "format": "json",
        "categories": _CATEGORIES[str(options["kind"])],
        "safesearch": _SAFE[str(options["safe"])],
        "pageno": str(options["page"]),
        **({"language": f"{language}-{country.upper()}"} if language and country != "wt" else {}),
        **({"time_range": _RANGES[str(options["since"])]} if options["since"] else {}),
    }
    return f"{base}/search?{urlencode(said)}"


def _answer(found: Fetched) -> dict[str, Any]:
    if found.hit is None and found.status is None:
        raise Spent(None)
    if found.status == 403:
        cure = "add json to search.formats in its settings.yml, and let this host pass its limiter"
        raise Misconfigured("cannot search: SearXNG refuses to answer in JSON", url=found.url, cure=cure)
    if found.hit is not None or found.status != 200:
        reason = (
            f"HTTP {found.status}" if found.hit is None else "no answer in time" if found.hit == "wall_s" else found.hit
        )
        raise ToolFailed(f"cannot search: SearXNG does not answer ({reason})", transient=True, reason=reason)
    try:
        answer = json.loads(found.body)
        return dict(answer)
    except (ValueError, TypeError, RecursionError) as error:
        raise ToolFailed("cannot search: what SearXNG answers is no JSON", url=found.url) from error


def _results(answer: dict[str, Any], most: int) -> list[Result]:
    given = answer.get("results")
    told: dict[str, Result] = {}
    for each in given if isinstance(given, list) else []:
        url = _text(each, "url", 2000) if isinstance(each, dict) else ""
        if url.startswith(("http://", "https://")) and len(told) < most:
            said = (_text(each, "title", 300), url, _text(each, "content", 1000), len(told) + 1)
            told.setdefault(url, Result(*said, _text(each, "publishedDate", 40) or None))
    return list(told.values())


def _text(result: dict[str, Any], name: str, most: int) -> str:
    value = result.get(name)
    return " ".join(value.split())[:most] if isinstance(value, str) else ""
