"""What is kept of searches: their history, for people, and answers that are still good, for the same search again.

A tool sees no database: it is handed something that keeps them (tasks/research/searches.py).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Protocol


@dataclass(frozen=True)
class Result:
    """One page that a search found."""

    title: str
    url: str
    snippet: str
    position: int
    """From 1, as the provider ranks it."""
    published: str | None = None
    """As the provider says it, most often a time in ISO 8601."""

    def as_dict(self) -> dict[str, Any]:
        """For a row and for a tool's output."""
        return asdict(self)


@dataclass(frozen=True)
class Asked:
    """One search, as one provider is asked."""

    provider: str
    query: str
    options: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The same for equal searches."""
        said = json.dumps([self.provider, self.query, dict(self.options)], sort_keys=True)
        return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()


class Searches(Protocol):
    """The searches that all tasks made."""

    def recent(self, asked: Asked, within: timedelta) -> Sequence[Result] | None:
        """What the same search found last, not longer ago than this; None where that is not known."""

    def keep(self, asked: Asked, found: Sequence[Result], *, error: str = "", is_cached: bool = False) -> None:
        """Put the search into the history, one that failed too; `is_cached`: an earlier one answered it."""


class Unkept:
    """Nobody keeps them."""

    def recent(self, asked: Asked, within: timedelta) -> Sequence[Result] | None:
        """Nothing is known."""

    def keep(self, asked: Asked, found: Sequence[Result], *, error: str = "", is_cached: bool = False) -> None:
        """Nothing happens."""
