"""What a site wants of programs: its robots.txt, kept to before each request, a redirect's too.

As RFC 9309 has it: a site that has none allows everything, one that cannot say at the moment allows nothing yet.
The rules are read by protego; what could make it slow or large, thousands of other programs' groups, is taken out
before (`_for_us`).
"""

import hashlib
import json
import os
import re
import secrets
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import Forbidden, ToolFailed
from tools.contract import MIB, Context
from tools.network.budget import Spent
from tools.network.fetch import AGENT, Before, fetch
from tools.network.url import Url

if TYPE_CHECKING:
    from protego import Protego

KEPT_FOR = timedelta(hours=1)
MOST_KEPT = 2000
MOST_BYTES = MIB
LONGEST_LINE = 2000
_AGENT_LINE = re.compile(r"\s*user[- ]?agent\s*[:\s]\s*([^#]*)", re.IGNORECASE)
_WAIT_S = 30.0


def keeper(context: Context) -> Before:
    """What is asked before each request: refuses what robots.txt does, and says how far apart requests are to be."""

    def before(at: Url) -> timedelta | None:
        rules = _rules(at, context)
        if not rules.can_fetch(str(at), AGENT):
            context.tell("robots.refused", host=at.host, url=str(at))
            cure = "fetch another page, or ask the site's owner"
            raise Forbidden("cannot fetch it: the site's robots.txt does not allow it", url=str(at), cure=cure)
        return _apart(rules)

    return before


def _rules(at: Url, context: Context) -> "Protego":
    # 10 ms that only those who fetch pay.
    from protego import Protego

    return Protego.parse(_for_us(_text(at, context)))


def _apart(rules: "Protego") -> timedelta | None:
    """The longer of what its two ways to say it ask for; a day is the longest that anybody means."""
    rate = rules.request_rate(AGENT)
    wanted_s = max(rules.crawl_delay(AGENT) or 0.0, rate.seconds / rate.requests if rate else 0.0)
    return timedelta(seconds=min(wanted_s, 86400.0)) if wanted_s > 0 else None


def _text(at: Url, context: Context) -> str:
    kept = _kept(at, context.web.robots)
    if kept is None:
        kept = _fetched(at, context)
        if context.web.robots is not None:
            keep(at, context.web.robots, kept)
    return kept


def _fetched(at: Url, context: Context) -> str:
    limits = context.limits.tightened(wall_s=_WAIT_S, network_bytes=MOST_BYTES, file_bytes=MOST_BYTES)
    found = fetch(str(replace(at, target="/robots.txt")), replace(context, limits=limits))
    if found.hit == "wall_s" and limits.wall_s < context.limits.wall_s:
        raise ToolFailed("cannot fetch it: the site's robots.txt does not come in time", host=at.host)
    if found.hit == "wall_s" or (found.hit is None and found.status is None):
        raise Spent(found.hit)
    if found.hit is not None:
        raise ToolFailed("cannot fetch it: the site's robots.txt is too large", transient=False, most_bytes=MOST_BYTES)
    if found.is_away:
        message = f"cannot fetch it: the site's robots.txt is not to be had now (HTTP {found.status})"
        raise ToolFailed(message, host=at.host, retry_after_s=found.retry_after_s)
    return found.body.decode("utf-8", "replace") if found.status == 200 else ""


def _for_us(text: str) -> str:
    """The rules with all other programs in one group, that nobody reads."""
    return "\n".join(_line(line[:LONGEST_LINE]) for line in text.splitlines())


def _line(line: str) -> str:
    found = _AGENT_LINE.match(line)
    if found is None:
        return line
    name = found[1].strip().lower()
    return line if name == "*" or AGENT.lower() == name.replace("*", "") else "User-agent: -"


def _kept(at: Url, folder: Path | None) -> str | None:
    """What was fetched lately, by any worker of this host."""
    if folder is None:
        return None
    try:
        kept = json.loads(_file(at, folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    age_s = time.time() - kept["at"]
    return str(kept["text"]) if 0 <= age_s < KEPT_FOR.total_seconds() else None


def keep(at: Url, folder: Path, text: str) -> None:
    """Remember a site's rules for all workers of this host."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_room(folder)
    draft = folder / f".{secrets.token_hex(8)}"
    draft.write_text(json.dumps({"at": time.time(), "site": _site(at), "text": text}), encoding="utf-8")
    draft.replace(_file(at, folder))


def _make_room(folder: Path) -> None:
    """Take half of them away when they are too many, the oldest first."""
    with os.scandir(folder) as found:
        names = [each.name for each in found]
    if len(names) < MOST_KEPT:
        return
    oldest = sorted((_written_at(folder / name), name) for name in names)
    for _, name in oldest[: MOST_KEPT // 2]:
        (folder / name).unlink(missing_ok=True)


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _file(at: Url, folder: Path) -> Path:
    return folder / f"{hashlib.sha256(_site(at).encode()).hexdigest()[:32]}.json"


def _site(at: Url) -> str:
    return str(replace(at, target="/"))
