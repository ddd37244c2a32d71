"""A report cites only pages that were really fetched, and its references are complete.

What was fetched is read from the steps (tasks/research/pages.py); the files in research/ say what the numbers mean,
and are held to the same, since the task can write them.
"""

import re
from collections.abc import Iterator, Sequence

from models.errors import InvalidInput, NotFound
from tools.network.url import LONGEST
from tools.research import notes, pages, quotes, sources
from tools.research.markers import numbers_in, without_code
from tools.research.pages import FetchedPage
from tools.research.sources import Source
from tools.workspace import Workspace

MOST_BYTES = 4 * 2**20
# All of them look at each character a few times at most: a task may write what it likes into its report.
_TITLE = "references|bibliography|sources|works cited"
_HEADING = re.compile(rf"^#{{1,6}}[ \t]+(?:\d{{1,3}}\.?[ \t]+)?(?:{_TITLE})[ \t]*(?:#+[ \t]*)?$", re.I | re.M)
_BEGIN = r"[ \t]{0,20}(?:[-*][ \t]{1,20})?\\?\[\d"
_ENTRY = re.compile(
    rf"^(?={_BEGIN})[ \t]*(?:[-*][ \t]+)?\\?\[(\d{{1,3}})\\?\]:?[ \t]+(.*(?:\n(?!{_BEGIN}|[ \t]*$|#).*)*)", re.M
)
_URL = re.compile(rf"https?://[^\s<>\[\]\"'`|\\]{{1,{LONGEST}}}", re.I)


def problems(workspace: Workspace, fetched: Sequence[FetchedPage], path: str) -> list[str]:
    """What is wrong with the report at `path`; see `Check`."""
    try:
        report = workspace.read_bytes(path, MOST_BYTES).decode("utf-8", "replace")
        known = {each.number: each for each in sources.read(workspace)}
        noted = notes.read(workspace)
    except (InvalidInput, NotFound) as error:
        return [str(error)]
    found = [*_of_text(report, known, path), *_of_sources(report, known, fetched), *_of_urls(report, fetched)]
    return [*found, *_of_notes(noted, fetched, workspace)]


def _of_text(report: str, known: dict[int, Source], path: str) -> Iterator[str]:
    """Each marker has its reference, and each reference its marker."""
    heading = next(reversed(list(_HEADING.finditer(report))), None)
    body, references = (report[: heading.start()], report[heading.end() :]) if heading else (report, "")
    cited, listed = numbers_in(body), {int(found[1]): found[2] for found in _ENTRY.finditer(references)}
    if not cited:
        yield f"{path} cites nothing: point to the sources of what it says with their markers, such as [1]"
    if heading is None:
        yield f"{path} has no heading “References”: end it with what research.bibliography gives"
        return
    for number in sorted(cited - set(known)):
        yield f"[{number}] is no source: cite the page with research.cite, which gives its number"
    for number in sorted(cited & set(known)):
        if known[number].url not in listed.get(number, ""):
            yield f"[{number}] has no line under “References” with {known[number].url}: use research.bibliography"
    for number in sorted(set(listed) - cited):
        yield f"[{number}] stands under “References”, and nothing in the text points to it: take it out"


def _of_sources(report: str, known: dict[int, Source], fetched: Sequence[FetchedPage]) -> Iterator[str]:
    for number in sorted(numbers_in(report) & set(known)):
        url = known[number].url
        if pages.find(fetched, url) is None:
            yield f"[{number}] is {url}, which this task has not fetched: call web.fetch, or do not cite it"


def _of_urls(report: str, fetched: Sequence[FetchedPage]) -> Iterator[str]:
    named = dict.fromkeys(_trimmed(found[0]) for found in _URL.finditer(without_code(report)))
    for url in named:
        if pages.find(fetched, url) is None:
            yield f"{url} stands in the report, and this task has not fetched it: call web.fetch, or take it out"


def _of_notes(noted: list[notes.Note], fetched: Sequence[FetchedPage], workspace: Workspace) -> Iterator[str]:
    for note in noted:
        page = pages.find(fetched, note.url)
        if page is None:
            yield f"the note {note.id} is from {note.url}, which this task has not fetched: take it out of {notes.FILE}"
        elif not quotes.is_in(note.quote, pages.text_of(page, workspace)):
            yield f"the note {note.id} quotes what {note.url} does not say: take it out of {notes.FILE}"


def _trimmed(url: str) -> str:
    """Without the punctuation of the sentence that it stands in."""
    while url and (url[-1] in ".,;:!?*_" or (url[-1] == ")" and url.count(")") > url.count("("))):
        url = url[:-1]
    return url
