"""Ask DuckDuckGo, by the library ddgs, which knows how: in a small process of its own (asking.py), through a proxy.

The library makes its own connections and reads what comes, so the process is led to DuckDuckGo's own hosts and
nowhere else, by the judge of every tool's addresses; it has little memory, little time, and nothing of our
environment.  Why so: docs/decisions/0035-searches.md.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from models.errors import ToolFailed
from tools.contract import MIB, Context
from tools.network import proxy, trust
from tools.network.addresses import NOT_FOUND
from tools.network.away import Away, is_away
from tools.network.budget import Budget, Spent
from tools.network.reach import PORT, Reach
from tools.web.searches import Asked, Result

SERVICE = "search:duckduckgo"
HOSTS = frozenset({"duckduckgo.com", "html.duckduckgo.com"})
_PROGRAM = Path(__file__).with_name("asking.py")
_WALL_S = 30.0
_TICK_S = 0.1
_NETWORK_BYTES = 8 * MIB
_MEMORY_BYTES = 1024 * MIB
_ANSWER_BYTES = 2 * MIB
_BLOCKED = (202, 403)
"""How it tells what it takes for a program to go away."""


def search(asked: Asked, context: Context) -> list[Result]:
    """What DuckDuckGo finds.

    Raises:
        ServiceUnavailable: it is left alone for now, or has no turn soon.
        ToolFailed: it could not be asked, or refused, or its answer makes no sense.
        Forbidden: its name leads to an address that is not global.
    """
    away = Away()

    def tell(kind: str, **details: Any) -> None:
        away.hear(kind, details)
        context.tell(kind, **details)

    with context.services.using(SERVICE):
        with proxy.on_loopback(_reach(context), _NETWORK_BYTES, tell) as (address, _):
            answer = _answer(_order(asked, context, address), context)
        return _results(answer, away)


def _reach(context: Context) -> Reach:
    """Its own hosts, or the one that the settings name in their place."""
    if not context.web.duckduckgo_url:
        return Reach(HOSTS)
    parts = urlsplit(context.web.duckduckgo_url)
    host, port = parts.hostname or "", parts.port or PORT
    is_local = context.network.reach().is_local(host, port)
    return Reach(frozenset({host}), frozenset({f"{host}:{port}"}) if is_local else frozenset())


def _order(asked: Asked, context: Context, address: str) -> dict[str, Any]:
    trust.bundle(context.network.ca_bundle)  # says what is wrong with it, if anything is
    return {
        "query": asked.query,
        **asked.options,
        "proxy": address,
        "url": context.web.duckduckgo_url,
        "certificates": str(trust.path(context.network.ca_bundle)),
        "memory_bytes": _MEMORY_BYTES,
        "answer_bytes": _ANSWER_BYTES,
        "seconds": int(_WALL_S),
    }


def _answer(order: dict[str, Any], context: Context) -> dict[str, Any]:
    """What the process says; none of it is left when this returns or raises.

    Raises:
        Spent: the call was cancelled.
        ToolFailed: it said nothing in its time.
    """
    budget = Budget(min(_WALL_S, context.limits.wall_s), _NETWORK_BYTES, context.is_cancelled)
    command = [sys.executable, "-I", "-B", str(_PROGRAM)]
    # A file, whose size is limited, and not a pipe, which would be read into our own memory.
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=said, stderr=subprocess.DEVNULL, env={}, start_new_session=True
        ) as asking:
            try:
                _tell(asking, order)
                _wait(asking, budget)
            finally:
                asking.kill()
        said.seek(0)
        return _read(said.read(_ANSWER_BYTES))


def _tell(asking: "subprocess.Popen[bytes]", order: dict[str, Any]) -> None:
    # A few hundred bytes: a pipe takes them whether they are read or not.
    assert asking.stdin is not None  # noqa: S101
    with asking.stdin as given:
        given.write(json.dumps(order).encode())


def _wait(asking: "subprocess.Popen[bytes]", budget: Budget) -> None:
    while True:
        try:
            asking.wait(timeout=budget.left_s(_TICK_S))
        except subprocess.TimeoutExpired:
            continue
        except Spent as spent:
            if spent.hit is None:
                raise
            raise ToolFailed("cannot search: DuckDuckGo does not answer in time", reason="no answer in time") from spent
        return


def _read(said: bytes) -> dict[str, Any]:
    try:
        found = json.loads(said)
    except ValueError as error:
        reason = "its answer was too large or took too long to read"
        raise ToolFailed(f"cannot search: {reason}", reason=reason) from error
    return dict(found)


def _away(host: str, reason: str) -> str:
    return f"cannot find the host {host}: {reason}" if reason == NOT_FOUND else reason


def _results(answer: dict[str, Any], away: Away) -> list[Result]:
    status = answer.get("status")
    if status is not None and (status in _BLOCKED or is_away(status)):
        message = f"cannot search: DuckDuckGo wants no programs at the moment (HTTP {status})"
        raise ToolFailed(message, reason=f"HTTP {status}")
    if error := answer.get("error"):
        reason = "; ".join(_away(*each) for each in away.hosts.items()) or str(error)
        raise ToolFailed(f"cannot search: {reason}", reason=reason)
    return [Result(**each) for each in answer["results"]]
