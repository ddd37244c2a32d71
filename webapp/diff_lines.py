"""The lines of a unified diff, each with what it says: templates/parts/diff.html draws them."""

from dataclasses import dataclass

from tools import terminal_text

MOST_LINES = 2000
KINDS = {"+": "added", "-": "removed", "@": "place"}


@dataclass(frozen=True)
class Line:
    """One line of a diff: `added`, `removed`, `place` or `same`."""

    kind: str
    text: str


def lines_of(text: str) -> tuple[list[Line], int]:
    """The first lines, without the names of the files, and how many are left out."""
    plain = terminal_text.plain(text).splitlines()
    # Only before the first place: further down `---` is a line that began with `--`, and is gone.
    first = next((index for index, each in enumerate(plain) if each.startswith("@@")), 0)
    lines = [Line(KINDS.get(each[:1], "same"), each) for each in plain[first:][:MOST_LINES]]
    return lines, max(len(plain) - first - MOST_LINES, 0)
