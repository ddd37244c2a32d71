"""A model's answer as HTML: the part of Markdown that models write, and nothing that a browser would act on.

Every character passes through `escape`; elements are only those that are written here, and links lead only to the
web.  What is no Markdown stays as it was written.  Templates use it as the filter `markdown`, as parts/turn.html does.
"""

import re
from collections.abc import Callable, Iterable

from markupsafe import Markup, escape

from tools.terminal_text import plain

LONGEST = 200_000
"""In characters; a longer answer is shown as plain text."""
TOP = 2
"""Level of the heading that an answer stands under."""
DEEPEST = 4
"""Of lists and quotations within each other."""
WIDEST = 50
"""Columns of a table; a wider one is shown as it was written."""
FENCE = re.compile(r" {0,3}(```+|~~~+)")
HEADING = re.compile(r" {0,3}(#{1,6}) +(.+)")
HEADING_MADE = re.compile(r"<h([3-6])>([^\n]*?)</h[3-6]>")
ITEM = re.compile(r"( {0,12})(?:([-*+])|(\d{1,9})[.)]) +(.*)")
QUOTE = re.compile(r" {0,3}> ?(.*)")
RULE = re.compile(r" {0,3}(?:-{3,}|\*{3,}|_{3,}) *")
UNDER_HEAD = re.compile(r" *\|?(?: *:?-+:? *\|)+(?: *:?-+:? *)?\|? *")
INLINE = re.compile(
    r"`(?P<code>[^`\n]{1,2000})`"
    r"|!?\[(?P<label>[^\[\]\n]{1,500})\]\((?P<to>[^()\s]{1,2000})\)"
    r"|\*\*(?P<strong>[^\n*][^\n]{0,2000}?)\*\*"
    r"|(?<![\w*])\*(?P<em>[^\s*][^\n*]{0,500}?)\*(?![\w*])"
    r"|(?<!\w)_(?P<under>[^\s_][^\n_]{0,500}?)_(?!\w)"
    r"|(?P<bare>https?://[^\s<>\"'`|()\[\]]{1,2000}[^\s<>\"'`|()\[\].,;:!?])"
)


def shown(text: str) -> Markup:
    """The text as HTML elements."""
    text = plain(text)
    if len(text) > LONGEST:
        return Markup('<pre class="output">{}</pre>').format(text)
    return _in_order(_blocks(text.replace("\r\n", "\n").split("\n"), 0))


def _in_order(html: Markup) -> Markup:
    """The same with headings of which none is more than one level below the one before."""
    before = TOP

    def put(found: re.Match[str]) -> str:
        nonlocal before
        before = min(int(found[1]), before + 1)
        return f"<h{before}>{found[2]}</h{before}>"

    # Only what was made here is an element by now: a heading of the text itself has been escaped.
    return Markup(HEADING_MADE.sub(put, html))  # noqa: S704


def _blocks(lines: list[str], depth: int) -> Markup:
    out: list[Markup] = []
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        block, at = next(filter(None, (read(lines, at, depth) for read in READERS)), None) or _paragraph(lines, at)
        out.append(block)
    return Markup("\n").join(out)


Read = tuple[Markup, int] | None


def _fence(lines: list[str], at: int, _depth: int) -> Read:
    if not (found := FENCE.match(lines[at])):
        return None
    end = next((n for n in range(at + 1, len(lines)) if lines[n].strip().startswith(found[1])), len(lines))
    code = "\n".join(lines[at + 1 : end])
    return Markup('<pre class="output" tabindex="0" role="group" aria-label="Code">{}</pre>').format(code), end + 1


def _heading(lines: list[str], at: int, _depth: int) -> Read:
    if not (found := HEADING.fullmatch(lines[at])):
        return None
    level = min(len(found[1]) + TOP, 6)
    return Markup("<h{0}>{1}</h{0}>").format(level, _inline(found[2].rstrip("# "))), at + 1


def _rule(lines: list[str], at: int, _depth: int) -> Read:
    return (Markup("<hr>"), at + 1) if RULE.fullmatch(lines[at]) else None


def _quote(lines: list[str], at: int, depth: int) -> Read:
    inside = []
    while at < len(lines) and depth < DEEPEST and (found := QUOTE.fullmatch(lines[at])):
        inside.append(found[1])
        at += 1
    return (Markup("<blockquote>{}</blockquote>").format(_blocks(inside, depth + 1)), at) if inside else None


def _list(lines: list[str], at: int, depth: int) -> Read:
    if depth >= DEEPEST or not (first := ITEM.fullmatch(lines[at])):
        return None
    margin, is_ordered = len(first[1]), bool(first[3])
    items: list[list[str]] = []
    while at < len(lines):
        found = ITEM.fullmatch(lines[at])
        if found and len(found[1]) <= margin + 1:
            if len(found[1]) < margin or bool(found[3]) != is_ordered:
                break
            items.append([found[4]])
        elif lines[at].startswith(" " * (margin + 2)):
            items[-1].append(lines[at][margin + 2 :])
        elif lines[at].strip() or not _goes_on(lines, at + 1, margin):
            break
        at += 1
    tag = Markup(f"ol start={int(first[3])}") if is_ordered else Markup("ul")  # noqa: S704  (a number of ours)
    inside = Markup("").join(Markup("<li>{}</li>").format(_item(item, depth + 1)) for item in items)
    return Markup("<{}>{}</{}>").format(tag, inside, tag[:2]), at


def _goes_on(lines: list[str], at: int, margin: int) -> bool:
    """Whether the list goes on behind an empty line."""
    after = lines[at] if at < len(lines) else ""
    found = ITEM.fullmatch(after)
    return bool(found and len(found[1]) >= margin) or (bool(after.strip()) and after.startswith(" " * (margin + 2)))


def _item(lines: list[str], depth: int) -> Markup:
    """An item of one line without a paragraph around it."""
    if len(lines) == 1:
        return _inline(lines[0])
    rest = _blocks(lines[1:], depth)
    return Markup("{}\n{}").format(_inline(lines[0]), rest)


def _table(lines: list[str], at: int, _depth: int) -> Read:
    if "|" not in lines[at] or at + 1 >= len(lines) or not UNDER_HEAD.fullmatch(lines[at + 1][:2000]):
        return None
    head, under, at = _cells(lines[at]), _cells(lines[at + 1]), at + 2
    if len(head) != len(under) or len(head) > WIDEST:
        return None
    rows = []
    while at < len(lines) and "|" in lines[at]:
        # Not filled up: a short answer with many empty rows would make a page of megabytes.
        rows.append(_cells(lines[at])[: len(head)])
        at += 1
    top = _each("<th scope=col>{}</th>", head)
    body = Markup("").join(Markup("<tr>{}</tr>").format(_each("<td>{}</td>", row)) for row in rows)
    begin = Markup('<div class="sheet" tabindex="0" role="group" aria-label="Table"><table>')
    return begin + Markup("<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>").format(top, body), at


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def _each(element: str, texts: Iterable[str]) -> Markup:
    return Markup("").join(Markup(element).format(_inline(text)) for text in texts)  # noqa: S704  (elements of ours)


READERS: tuple[Callable[[list[str], int, int], Read], ...] = (_fence, _heading, _rule, _quote, _list, _table)


def _paragraph(lines: list[str], at: int) -> tuple[Markup, int]:
    """Lines up to an empty one, or one that begins something else; always one at least."""
    inside = [lines[at].strip()]
    at += 1
    while (
        at < len(lines)
        and lines[at].strip()
        and not any(each.match(lines[at]) for each in (FENCE, HEADING, ITEM, QUOTE))
    ):
        inside.append(lines[at].strip())
        at += 1
    return Markup("<p>{}</p>").format(Markup("<br>").join(_inline(line) for line in inside)), at


def _inline(text: str) -> Markup:
    out, at = Markup(""), 0
    for found in INLINE.finditer(text):
        out += escape(text[at : found.start()]) + _element(found)
        at = found.end()
    return out + escape(text[at:])


def _element(found: re.Match[str]) -> Markup:
    if found["code"] is not None:
        return Markup("<code>{}</code>").format(found["code"])
    if found["strong"] is not None:
        return Markup("<strong>{}</strong>").format(_inline(found["strong"]))
    if (leaning := found["em"] or found["under"]) is not None:
        return Markup("<em>{}</em>").format(leaning)
    to, label = (found["bare"], found["bare"]) if found["bare"] else (found["to"], found["label"])
    if not to.startswith(("https://", "http://")):
        return escape(found[0])
    link = Markup('<a href="{}" rel="noopener noreferrer nofollow" referrerpolicy="no-referrer">{}</a>')
    return link.format(to, label)
