"""What the settings say about the web, as a call is handed it."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

Provider = Literal["duckduckgo", "searxng"]
"""Who is asked for web pages."""


@dataclass(frozen=True)
class Web:
    """By default nothing is kept, and DuckDuckGo itself is asked."""

    provider: Provider = "duckduckgo"
    """Who is asked first."""
    searxng_url: str = ""
    """Where a SearXNG is; empty: there is none."""
    duckduckgo_url: str = ""
    """Where DuckDuckGo is asked; empty: at its own hosts."""
    cache_for: timedelta = timedelta(hours=1)
    """How long the answer to a search is good for the same one again."""
    robots: Path | None = None
    """Folder of the robots.txt files that were fetched; None: each is fetched anew."""
