"""The pages that a task really fetched: what may be cited, and what quotes are held to.

They are known from the task's steps (tasks/research/pages.py), never from files of the workspace, which the task can
write.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from models.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from tools.workspace import Workspace


@dataclass(frozen=True)
class FetchedPage:
    """One answer of web.fetch; `url` is where it was in the end, `asked` what was asked for."""

    asked: str
    url: str
    at: datetime
    """UTC."""
    title: str = ""
    authors: str = ""
    """As the page says, several parted by ";"."""
    published: str = ""
    site: str = ""
    text: str = ""
    """The beginning of its text."""
    text_path: str = ""
    """The file with all of it, and the digest that this had."""
    text_sha256: str = ""
    text_problem: str = ""


class Pages(Protocol):
    """What a call may know of the pages of its task and of the task's family."""

    def fetched(self) -> Sequence[FetchedPage]:
        """Those that were fetched well, newest first."""


class NoPages:
    """Nobody keeps what was fetched."""

    def fetched(self) -> Sequence[FetchedPage]:
        """None."""
        return ()


def find(pages: Iterable[FetchedPage], url: str) -> FetchedPage | None:
    """The page of that URL, where it was asked for or where it was in the end; parts after # do not count."""
    wanted = spelled(url)
    if wanted is None:
        return None
    return next((page for page in pages if wanted in (spelled(page.url), spelled(page.asked))), None)


def require(pages: Sequence[FetchedPage], url: str) -> FetchedPage:
    """As `find`.

    Raises:
        InvalidInput: it was not fetched; says which were.
    """
    found = find(pages, url)
    if found is None:
        known = [page.url for page in pages][:20]
        cure = "call web.fetch for it first, and cite what that brings"
        raise InvalidInput("cannot cite it: this task has not fetched it", url=url, cure=cure, fetched=known)
    return found


def spelled(url: str) -> str | None:
    """The URL in its one spelling, without the part after #; None for what is none."""
    # Here, since every tool's contract needs this module, and few the library behind it.
    from tools.network.url import Url

    try:
        return str(Url.parse(url.strip().partition("#")[0]))
    except InvalidInput:
        return None


def text_of(page: FetchedPage, workspace: "Workspace") -> str:
    """All of its text, where the file is what web.fetch wrote; else the beginning, which the step keeps."""
    if not page.text_path:
        return page.text
    try:
        kept = workspace.read_bytes(page.text_path)
    except (InvalidInput, NotFound):
        return page.text
    is_whole = hashlib.sha256(kept).hexdigest() == page.text_sha256
    return kept.decode("utf-8", "replace") if is_whole else page.text
