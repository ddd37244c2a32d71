"""`research/sources.json`: the pages that are cited, numbered in the order in which they were.

It is a file of the workspace, for people and for the report; what may stand in it is decided by pages.py.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import InvalidInput, NotFound
from tools.research import pages
from tools.research.authors import Author, several
from tools.research.dates import Day
from tools.research.pages import FetchedPage
from tools.research.styles import Reference
from tools.workspace import Workspace

FILE = "research/sources.json"
MOST = 500


class Source(BaseModel):
    """One page that is cited."""

    model_config = ConfigDict(extra="forbid")

    number: int = Field(ge=1, le=MOST)
    url: str
    title: str
    authors: list[str] = Field(default_factory=list)
    """People as "Family, Given"; an organisation stands alone in `organisation`."""
    organisation: str = ""
    site: str = ""
    published: str = ""
    accessed: datetime

    @property
    def marker(self) -> str:
        """How the text points to it."""
        return f"[{self.number}]"

    @property
    def reference(self) -> Reference:
        """For the styles."""
        authors = [Author(self.organisation)] if self.organisation else [Author.read(each) for each in self.authors]
        accessed = Day.of(self.accessed.date())
        return Reference(self.url, self.title, authors, self.site, Day.read(self.published), accessed)


def read(workspace: Workspace) -> list[Source]:
    """Those that are cited so far.

    Raises:
        InvalidInput: the file is not as we write it.
    """
    try:
        kept = json.loads(workspace.read_bytes(FILE))
        return [Source.model_validate(each) for each in kept["sources"]]
    except NotFound:
        return []
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        cure = "delete it, and cite the sources again"
        raise InvalidInput("cannot use the list of sources: it is damaged", path=FILE, cure=cure) from error


def write(workspace: Workspace, sources: Sequence[Source]) -> None:
    """Replace the file."""
    kept = {"sources": [each.model_dump(mode="json") for each in sources]}
    workspace.write_bytes(FILE, json.dumps(kept, ensure_ascii=False, indent=1).encode("utf-8", "replace"))


def cited(workspace: Workspace, page: FetchedPage, **better: object) -> Source:
    """The page's source, a new one if it is cited for the first time; `better` is what somebody knows better of it.

    Raises:
        InvalidInput: there are too many, or the file is damaged.
    """
    known = read(workspace)
    before = next((each for each in known if pages.spelled(each.url) == pages.spelled(page.url)), None)
    if before is None and len(known) >= MOST:
        raise InvalidInput("cannot cite another source: there are too many", most=MOST)
    source = before or _new(page, max((each.number for each in known), default=0) + 1)
    source = source.model_copy(update={name: value for name, value in better.items() if value})
    write(workspace, [source if each is before else each for each in known] if before else [*known, source])
    return source


def _new(page: FetchedPage, number: int) -> Source:
    return Source(
        number=number,
        url=page.url,
        title=page.title or page.url,
        authors=[each.sorted for each in several(page.authors)],
        site=page.site if not _is_host(page.site, page.url) else "",
        published=page.published,
        accessed=page.at,
    )


def _is_host(name: str, url: str) -> bool:
    """Whether the site's name is nothing but its address, which the reference says anyway."""
    host = urlsplit(url).netloc.casefold()
    return name.casefold().removeprefix("www.") == host.removeprefix("www.")
