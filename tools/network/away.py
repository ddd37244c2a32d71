"""Whether it was an outside service that failed a program: what the call's proxy could not reach, and what the
program itself says of an answer that only the service can mend.

A program's words are a guess and decide no more than whether to try again: the service that they blame is the one
that it was let through to.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tools.contract import Context

TOO_MANY = 429
_ANSWERED = re.compile(r"(?:returned error: |server error \(|status(?: code)?:? \(?|HTTP )(429|5[0-9]{2})\b")
_URL_HOST = re.compile(r"https://([^/\s`'\")@]+@)?([^/\s`'\")@]+)")


@dataclass
class Away:
    """The hosts that did not do their part, each with the reason, by `host` and, on another port than 443, `:port`."""

    hosts: dict[str, str] = field(default_factory=dict)

    def hear(self, kind: str, details: dict[str, Any]) -> None:
        """What the proxy told."""
        if kind == "network.refused" and details.get("away"):
            port = "" if details["port"] == 443 else f":{details['port']}"
            self.hosts[f"{details['host']}{port}"] = str(details["reason"])

    def read(self, said: str, otherwise: str) -> None:
        """What the program said on its standard error; `otherwise` is blamed where it names no host."""
        for line in said.splitlines():
            if found := _ANSWERED.search(line):
                named = _URL_HOST.search(line)
                self.hosts.setdefault(named[2] if named else otherwise, f"HTTP {found[1]}")


def is_away(status: int) -> bool:
    """Whether an answer with this status may be another one later."""
    return status == TOO_MANY or status >= 500


@contextmanager
def heard(context: Context) -> Iterator[tuple[Context, Away]]:
    """The context, and who was found to be away while it was used."""
    found = Away()

    def tell(kind: str, **details: Any) -> None:
        found.hear(kind, details)
        context.tell(kind, **details)

    yield replace(context, tell=tell), found
