"""References to web pages in three styles: APA (7th edition), IEEE and Chicago (17th edition, bibliography).

What is not known is left out as each style wants: without an author the title comes first, without a date APA says
n.d. and the others say only when it was read.  Titles are set in Markdown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tools.research.authors import Author
from tools.research.dates import UNKNOWN, Day

Style = Literal["apa", "ieee", "chicago"]


@dataclass(frozen=True)
class Reference:
    """What is known of a page."""

    url: str
    title: str
    authors: Sequence[Author] = ()
    site: str = ""
    published: Day = UNKNOWN
    accessed: Day = UNKNOWN

    @property
    def told_site(self) -> str:
        """The site's name, unless it has been said as the author's."""
        return "" if any(self.site.casefold() == author.whole.casefold() for author in self.authors) else self.site


def written(reference: Reference, style: Style) -> str:
    """The reference as one line."""
    return _STYLES[style](reference)


def order(reference: Reference, style: Style, number: int) -> tuple[str, int]:
    """What a list of references is sorted by: IEEE in the order of citation, the others by name."""
    name = reference.authors[0].sorted if reference.authors else _without_article(reference.title)
    return ("" if style == "ieee" else name.casefold(), number)


def _apa(it: Reference) -> str:
    published = f"({it.published.year_first})." if it.published else "(n.d.)."
    title = _ended(f"*{it.title}*")
    head = [_ended(_apa_authors(it.authors)), published, title] if it.authors else [title, published]
    retrieved = "" if it.published or not it.accessed else f"Retrieved {it.accessed.long}, from"
    return _line(*head, _ended(it.told_site), retrieved, it.url)


def _apa_authors(authors: Sequence[Author]) -> str:
    names = [f"{each.family}, {each.initials}" if each.given else each.family for each in authors]
    if len(names) > 20:
        return f"{', '.join(names[:19])}, … {names[-1]}"
    return f"{', '.join(names[:-1])}, & {names[-1]}" if len(names) > 1 else names[0]


def _ieee(it: Reference) -> str:
    accessed = f"Accessed: {it.accessed.short}." if it.accessed else ""
    published = _ended(it.published.short) if it.published else ""
    title = f"“{_ended(it.title)}”"
    return _line(
        _ended(_ieee_authors(it.authors)), title, _ended(it.told_site), published, accessed,
        "[Online]. Available:", it.url,
    )  # fmt: skip


def _ieee_authors(authors: Sequence[Author]) -> str:
    names = [f"{each.initials} {each.family}".strip() for each in authors]
    if len(names) > 6:
        return f"{names[0]} *et al.*"
    if len(names) > 2:
        return f"{', '.join(names[:-1])}, and {names[-1]}"
    return " and ".join(names)


def _chicago(it: Reference) -> str:
    accessed = f"Accessed {it.accessed.long}." if it.accessed else ""
    when = _ended(it.published.long) if it.published else accessed
    title = f"“{_ended(it.title)}”"
    return _line(_ended(_chicago_authors(it.authors)), title, _ended(it.told_site), when, f"{it.url}.")


def _chicago_authors(authors: Sequence[Author]) -> str:
    names = [each.sorted if at == 0 else each.whole for at, each in enumerate(authors)]
    if len(names) > 10:
        return f"{', '.join(names[:7])}, et al."
    return f"{', '.join(names[:-1])}, and {names[-1]}" if len(names) > 1 else "".join(names)


def _ended(text: str) -> str:
    """With a full stop, unless it ends with a mark of its own."""
    return text if not text or text.rstrip("*”").endswith((".", "?", "!", "…")) else f"{text}."


def _line(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _without_article(title: str) -> str:
    first, _, rest = title.partition(" ")
    return rest if first.lower() in ("a", "an", "the") and rest else title


_STYLES: dict[Style, Callable[[Reference], str]] = {"apa": _apa, "ieee": _ieee, "chicago": _chicago}
