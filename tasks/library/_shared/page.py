"""The page that a report is: one HTML file without any outside part, readable without scripts.

Its look is `page.css`, its small comfort (sorting and filtering tables) `page.js`; both are written
into the file.  Charts: charts.py.  Text given to these functions is escaped here unless the argument
is called `…_html`.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent

SKELETON = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{css}</style>
</head>
<body>
<main>
<header>
<p class="kicker">{kicker}</p>
<h1>{title}</h1>
<p class="lede">{lede}</p>
</header>
{body}
</main>
<footer><p>{foot}</p></footer>
<script>
{script}</script>
</body>
</html>
"""


def text(value: object) -> str:
    """The value, safe between tags and inside attributes."""
    return html.escape(str(value), quote=True)


def page(*, title: str, kicker: str, lede: str, parts_html: Sequence[str], foot: str) -> str:
    """The whole document, its parts in the order given."""
    return SKELETON.format(
        title=text(title),
        kicker=text(kicker),
        lede=text(lede),
        body="\n".join(parts_html),
        foot=text(foot),
        css=(HERE / "page.css").read_text(encoding="utf-8"),
        script=(HERE / "page.js").read_text(encoding="utf-8"),
    )


def headlines(facts: Sequence[tuple[str, str, str]]) -> str:
    """The numbers that somebody takes away: (number, what it counts, what it means)."""
    cells = "".join(
        f"<div><dt>{text(name)}</dt><dd><strong>{text(number)}</strong><span>{text(note)}</span></dd></div>"
        for number, name, note in facts
    )
    return f'<dl class="headlines">{cells}</dl>'


def section(heading: str, caption: str, *content_html: str, wide: bool = False) -> str:
    """A heading with the sentence that says what the reader learns, then what shows it."""
    kind = ' class="wide"' if wide else ""
    return (
        f'<section{kind}><div class="said"><h2>{text(heading)}</h2><p>{text(caption)}</p></div>'
        f'<div class="shown">{"".join(content_html)}</div></section>'
    )


def note(sentence: str) -> str:
    """A quiet remark under a chart."""
    return f'<p class="note">{text(sentence)}</p>'


def table(
    columns: Sequence[tuple[str, bool]],
    rows: Sequence[Sequence[tuple[str, str]]],
    *,
    name: str,
    searchable: bool = False,
) -> str:
    """A table in a box that scrolls; `columns` are (title, is a number).

    A cell is (what is shown, what it sorts by; empty: sorts by what is shown).
    """
    head = "".join(f'<th scope="col"{" class=num" if number else ""}>{text(title)}</th>' for title, number in columns)
    numeric = [number for _, number in columns]
    body = "".join(f"<tr>{_cells(row, numeric)}</tr>\n" for row in rows)
    kind = "rows searchable" if searchable else "rows"
    return (
        f'<div class="{kind}" tabindex="0" role="region" aria-label="{text(name)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(row: Sequence[tuple[str, str]], numeric: Sequence[bool]) -> str:
    return "".join(_cell(shown, by, number) for (shown, by), number in zip(row, numeric, strict=True))


def _cell(shown: str, by: str, number: bool) -> str:
    kind = " class=num" if number else ""
    order = f' data-by="{text(by)}"' if by else ""
    return f"<td{kind}{order}>{text(shown)}</td>"


def checks(entries: Sequence[tuple[bool, str, str]]) -> str:
    """What was checked: (it held, what, how)."""
    items = "".join(
        f'<li class="{"held" if held else "failed"}"><strong>{text(what)}</strong> {text(how)}</li>'
        for held, what, how in entries
    )
    return f'<ul class="checks">{items}</ul>'
