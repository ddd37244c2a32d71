"""A URL taken apart once: what is judged is what is asked for, character by character.

Two readers of one text may see two hosts in it, and that is an attack as old as proxies.  Here is one reader.
"""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from models.errors import InvalidInput
from tools.network import names

PORTS = {"http": 80, "https": 443}
LONGEST = 2000
_SAFE = "/?:@!$&'()*+,;=~-._%[]"
"""What stays as it is in a path and query; anything else is written as %XX."""


@dataclass(frozen=True)
class Url:
    """`host` is in its one spelling, an address in its normal one; `target` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it.

        Raises:
            InvalidInput: it is no http or https URL, or has a user or password in it.
        """
        if len(text) > LONGEST or re.search(r"[\x00-\x20\x7f\\]", text):
            raise InvalidInput("cannot fetch this: it is no URL", url=text[:LONGEST])
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise InvalidInput("cannot fetch this: it is no URL", url=text) from error
        if parts.scheme not in PORTS or not parts.hostname:
            raise InvalidInput("cannot fetch this: only http:// and https:// URLs", url=text)
        if parts.username is not None or parts.password is not None:
            raise InvalidInput("cannot fetch this: a URL with a user or password", host=parts.hostname)
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        spelled, number = names.host_and_port(f"{host}:{PORTS[parts.scheme] if port is None else port}")
        query = f"?{parts.query}" if parts.query else ""
        return cls(parts.scheme, spelled, number, quote(f"{parts.path or '/'}{query}", safe=_SAFE))

    def followed(self, location: str) -> "Url":
        """Where a redirect leads.

        Raises:
            InvalidInput: to no URL that may be fetched, or from https to http.
        """
        there = Url.parse(urljoin(str(self), location))
        if self.scheme == "https" and there.scheme != "https":
            raise InvalidInput("cannot follow a redirect from https to http", url=str(there))
        return there

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"

    def for_request(self) -> httpcore.URL:
        """The same for the library that asks."""
        return httpcore.URL(
            scheme=self.scheme.encode(), host=self.host.encode(), port=self.port, target=self.target.encode("ascii")
        )
