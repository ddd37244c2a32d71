"""A transcript as Markdown.  What programs and models wrote stands in fences that they cannot close."""

import re
from collections.abc import Iterator

from webapp.transcript.blocks import Block, Code, Facts, Heading, Part, Rows, Words

_SIGNS = re.compile(r"([\\`*_\[\]<>#|])")
_BEGINS_HTML = re.compile(r"<(?=[A-Za-z/!?])")


def text(title: str, blocks: list[Block]) -> str:
    """The whole document."""
    return "\n\n".join([f"# {_line(title)}", *_parts(blocks)]) + "\n"


def _parts(blocks: list[Block]) -> Iterator[str]:
    for block in blocks:
        match block:
            case Heading():
                yield f"{'#' * block.level} {_line(block.text)}"
            case Facts():
                yield "\n".join(f"- {_line(name)}: {_line(value)}" for name, value in block.pairs)
            case Words():
                yield "\n".join(f"> {_harmless(line)}".rstrip() for line in block.text.splitlines())
            case Code():
                yield f"{_line(block.label)}:\n\n{_fenced(block.text, block.language)}"
            case Rows():
                yield _table(block)
            case Part():
                yield from _parts(block.blocks)


def _fenced(shown: str, language: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{shown.rstrip()}\n{fence}"


def _table(block: Rows) -> str:
    lines = [block.heads, ["---"] * len(block.heads), *([_line(cell) for cell in row] for row in block.rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\n{_line(block.note)}" if block.note else table


def _harmless(line: str) -> str:
    """A line whose writer may use Markdown, but no HTML, and no picture that a viewer would fetch from outside."""
    # A backslash before `<` would be undone by one that stands there already.  In code too, where it is seen: what
    # is code depends on the viewer, and one that sees less of it would run the rest.
    return _BEGINS_HTML.sub("&lt;", line).replace("![", "!\\[")


def _line(shown: str) -> str:
    """The text on one line, where no sign of it means anything."""
    return _SIGNS.sub(r"\\\1", " ".join(shown.split()))
