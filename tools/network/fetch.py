"""Fetch one URL for a tool, from the trusted worker, so that the worker cannot be used against its own network.

GET only, on the two ports of the web; the name is resolved once, its addresses are judged (addresses.py), and one
of them is dialled with the name for TLS and `Host`; each redirect is judged anew (url.py).  No cookies, no
credentials, no proxy of the environment.  What it may use: budget.py.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

import httpcore

from models.errors import Forbidden, OpsCoreError, ToolFailed
from tools.contract import Context
from tools.network import addresses, away, body, trust
from tools.network.addresses import Resolve
from tools.network.budget import Budget, Pinned, Spent
from tools.network.reach import Network
from tools.network.url import LONGEST, PORTS, Url

MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_CHARACTERS = LONGEST + 1
AGENT = "OpsCore"
"""Who we say we are, to hosts and to their robots.txt."""
_SENT = [("User-Agent", AGENT), ("Accept", "*/*"), ("Accept-Encoding", "gzip"), ("Connection", "close")]


Before = Callable[[Url], timedelta | None]
"""Called before a URL is asked for, one that a redirect leads to as well: what it raises ends the fetch, what it
returns is how long that host wants between two requests."""


@dataclass(frozen=True)
class Fetched:
    """The last answer.  `hit` names the limit that ended it; then, and when cancelled, the rest is what was known."""

    url: str
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    """By lower-case name; the first 2,001 characters of each, one more than a URL may have."""
    body: bytes = b""
    hit: str | None = None

    @property
    def content_type(self) -> str:
        """Such as "text/html", without parameters; empty where none was said."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_away(self) -> bool:
        """Whether the host could not answer now and may another time."""
        return self.status is not None and away.is_away(self.status)

    @property
    def retry_after_s(self) -> float | None:
        """When it says that it may; a date is left to whoever reads the headers."""
        said = self.headers.get("retry-after", "").strip()
        return float(said) if self.is_away and re.fullmatch(r"[0-9]{1,6}", said) else None


def fetch(
    url: str,
    context: Context,
    *,
    content_types: tuple[str, ...] = (),
    resolve: Resolve | None = None,
    before: Before | None = None,
) -> Fetched:
    """What is at the URL.  `content_types` are beginnings, such as "text/"; without any, everything is taken.

    Of the context's limits count `wall_s` for all of it, `network_bytes` for what is received, `file_bytes` for
    the body as unpacked.

    Raises:
        InvalidInput: this is no URL to fetch, or a redirect leads to one.
        Forbidden: an address on the way is not global, or the port is not one of the web.
        ServiceUnavailable: a host on the way is left alone for now, or has no turn soon.
        ToolFailed: no answer, one that makes no sense, another content type, too many redirects.
    """
    budget = Budget(context.limits.wall_s, context.limits.network_bytes, context.is_cancelled)
    at = Url.parse(url)
    try:
        for _ in range(MOST_REDIRECTS + 1):
            apart = before(at) if before is not None else None
            answer = _asked(at, budget, context, content_types, resolve, apart)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or location is None:
                return answer
            at = at.followed(location)
    except Spent as spent:
        return Fetched(str(at), hit=spent.hit)
    raise ToolFailed("cannot fetch it: too many redirects", transient=False, url=url, most=MOST_REDIRECTS)


def _asked(
    at: Url,
    budget: Budget,
    context: Context,
    content_types: tuple[str, ...],
    resolve: Resolve | None,
    apart: timedelta | None,
) -> Fetched:
    """The answer of one host, which is a service of its own."""
    port = "" if at.port == PORTS[at.scheme] else f":{at.port}"
    with context.services.using(f"web:{at.host}{port}", apart) as use:
        try:
            found = _judged(at, budget, context, resolve)
            answer = _get(at, found, budget, context, content_types)
        except Spent as spent:
            if spent.hit == "wall_s":
                use.went_wrong("no answer in time")
            raise
        if answer.is_away:
            use.went_wrong(f"HTTP {answer.status}")
        return answer


def _judged(at: Url, budget: Budget, context: Context, resolve: Resolve | None) -> list[str]:
    """The addresses to dial; a resolver may take its time."""
    try:
        return budget.result_of(partial(_dialled, at, context.network, resolve))
    except OpsCoreError as error:
        reason = str(error.details.get("reason", error.message))
        context.tell("network.refused", host=at.host, port=at.port, reason=reason)
        raise


def _dialled(at: Url, network: Network, resolve: Resolve | None) -> list[str]:
    if network.reach().is_local(at.host, at.port):
        return (resolve or addresses.ask)(at.host, at.port)
    if at.port not in PORTS.values():
        reason = "only the ports 80 and 443 are allowed"
        raise Forbidden(f"cannot reach {at.host}: {reason}", host=at.host, port=at.port, reason=reason)
    return addresses.resolved(at.host, at.port, resolve)


def _get(at: Url, found: list[str], budget: Budget, context: Context, content_types: tuple[str, ...]) -> Fetched:
    """One request and its answer."""
    dialled = Pinned(found, budget)
    tls = trust.tls(context.network.ca_bundle) if at.scheme == "https" else None
    try:
        with (
            httpcore.ConnectionPool(ssl_context=tls, network_backend=dialled, max_connections=1) as pool,
            pool.stream("GET", at.for_request(), headers=_SENT) as response,
        ):
            return _answer(at, response, context.limits.file_bytes, content_types)
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        reason = str(error) or type(error).__name__
        if dialled.stream is None:
            context.tell("network.refused", host=at.host, port=at.port, reason=reason)
        raise ToolFailed(f"cannot fetch it: {reason}", url=str(at)) from error
    finally:
        if (stream := dialled.stream) is not None:
            amounts = {"sent_bytes": stream.sent_bytes, "received_bytes": stream.received_bytes}
            context.tell("network.allowed", host=at.host, port=at.port, **amounts)


def _answer(at: Url, response: httpcore.Response, most: int, content_types: tuple[str, ...]) -> Fetched:
    read = {name.decode("latin-1").lower(): value.decode("latin-1")[:_CHARACTERS] for name, value in response.headers}
    answer = Fetched(str(at), response.status, read)
    if response.status in _REDIRECTS:
        return answer
    if content_types and not answer.content_type.startswith(content_types):
        told = {"url": answer.url, "content_type": answer.content_type}
        raise ToolFailed("cannot take this content type", transient=False, **told)
    return replace(answer, body=body.whole(read.get("content-encoding", ""), response.iter_stream(), most))
