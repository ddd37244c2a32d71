"""Take the text out of one page: run inside the sandbox by a bare Python, never imported.

    python -I -S -B read.py html|pdf PACKAGES PAGE TEXT-FILE URL CHARSET

Writes the text and prints what the page says about itself as one line of JSON; a page that cannot be read is one
line "error: …" on stderr and exit code 1.
"""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

MOST_LINKS = 100
MOST_PAGES = 300
MOST_CHARACTERS = 4_000_000
_LONGEST = {"title": 300, "description": 1000, "author": 300, "site": 200, "date": 40, "language": 20}
_LONGEST_URL = 500


class Unreadable(Exception):
    """The message says why."""


def read_html(page: bytes, url: str, charset: str) -> tuple[str, dict[str, Any]]:
    """The main text as Markdown, and what there is about it."""
    import trafilatura

    given: str | bytes = page.decode(charset, "replace") if charset else page
    tree = trafilatura.load_html(given)
    if tree is None:
        raise Unreadable("there is no page in it")
    about = {"language": _of_attribute(tree), "links": _links(tree, url)}
    text = trafilatura.extract(tree, url=url, output_format="markdown", include_comments=False, include_tables=True)
    said = trafilatura.extract_metadata(tree, default_url=url)
    if said is not None:
        found = {"title": said.title, "description": said.description, "author": said.author}
        about |= {**found, "date": said.date, "site": said.sitename}
    return text or trafilatura.html2txt(tree), about


def read_pdf(page: Path) -> tuple[str, dict[str, Any]]:
    """The text of its pages, each under its number."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(page)
        texts, length = [], 0
        for number, each in enumerate(reader.pages[:MOST_PAGES], start=1):
            texts.append(f"## Page {number}\n\n{each.extract_text().strip()}\n")
            length += len(texts[-1])
            if length > MOST_CHARACTERS:
                break
        about = {"pages": len(reader.pages), **_of_document(reader)}
    except (PyPdfError, ValueError, KeyError, TypeError, RecursionError, NotImplementedError) as error:
        raise Unreadable(f"the PDF is damaged or of an unknown kind ({error})") from error
    return "\n".join(texts), about


def _of_document(reader: Any) -> dict[str, Any]:
    said = reader.metadata
    if said is None:
        return {}
    made_at = said.creation_date
    return {"title": said.title, "author": said.author, "date": made_at.date().isoformat() if made_at else None}


def _of_attribute(tree: Any) -> str | None:
    found = tree.xpath("/html/@lang | /html/@xml:lang")
    return str(found[0]) if found else None


def _links(tree: Any, url: str) -> list[dict[str, str]]:
    """The page's links to other pages, each once, with their words."""
    found: dict[str, str] = {}
    for link in tree.iterfind(".//a[@href]"):
        try:
            there = urljoin(url, link.get("href").strip()).partition("#")[0]
            is_page = urlsplit(there).scheme in ("http", "https") and len(there) <= _LONGEST_URL
        except ValueError:
            continue
        if is_page and there != url:
            found.setdefault(there, " ".join("".join(link.itertext()).split())[:100])
        if len(found) >= MOST_LINKS:
            break
    return [{"url": there, "text": words} for there, words in found.items()]


def _told(about: dict[str, Any]) -> dict[str, Any]:
    """Without what is not said, and nothing longer than its place."""
    whole = {name: value for name, value in about.items() if name not in _LONGEST}
    short = {name: " ".join(str(about[name]).split())[:most] for name, most in _LONGEST.items() if about.get(name)}
    return {**whole, **short}


def main(kind: str, packages: str, page: str, text_file: str, url: str, charset: str) -> None:
    """Read it."""
    sys.path.insert(0, packages)
    try:
        found = read_pdf(Path(page)) if kind == "pdf" else read_html(Path(page).read_bytes(), url, charset)
    except Unreadable as error:
        sys.exit(f"error: cannot read it: {error}")
    text, about = found
    if not text.strip():
        sys.exit("error: cannot read it: there is no text in it")
    Path(text_file).write_text(text[:MOST_CHARACTERS], encoding="utf-8", errors="replace")
    print(json.dumps(_told(about)))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
