"""A unified diff that ends in good time whatever the texts are.  Used by history.py.

The standard library's matcher takes minutes for ten thousand lines that were made for it: it may look through
all of them again for each line that matches.
"""

import difflib
from collections.abc import Iterator
from itertools import accumulate

LOOKS = 20_000_000
"""Pairs of lines that one comparison may look at: about two seconds.  An honest one needs a hundredth."""
CONTEXT = 3


def unified(before: list[str], after: list[str], before_name: str, after_name: str) -> Iterator[str]:
    """The lines of the diff; none where nothing differs.  Texts that are too costly to compare differ as a whole."""
    groups = _groups(before, after)
    if groups:
        yield f"--- {before_name}\n"
        yield f"+++ {after_name}\n"
    for group in groups:
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n"
        for kind, old, old_end, new, new_end in group:
            if kind == "equal":
                yield from (f" {line}" for line in before[old:old_end])
                continue
            yield from (f"-{line}" for line in before[old:old_end])
            yield from (f"+{line}" for line in after[new:new_end])


def unchanged(path: str, text: str) -> str:
    """A text in the form of a diff in which nothing differs: what would be used and not changed."""
    lines = text.splitlines(keepends=True)
    head = (f"--- a/{path}\n", f"+++ b/{path}\n", f"@@ -{_range(0, len(lines))} +{_range(0, len(lines))} @@\n")
    return joined(iter((*head, *(f" {line}" for line in lines))))


def joined(lines: Iterator[str]) -> str:
    """The diff as one text, in which a last line without its end is marked as such."""
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


Part = tuple[str, int, int, int, int]


def _groups(before: list[str], after: list[str]) -> list[list[Part]]:
    try:
        # The list holds tuples of the standard library's own, of this shape.
        return [[*group] for group in _Bounded(before, after).get_grouped_opcodes(CONTEXT)]
    except _TooCostly:
        return [[("replace", 0, len(before), 0, len(after))]]


def _range(start: int, stop: int) -> str:
    """Where a part begins, counted from 1, and how long it is; as `diff -u` writes it."""
    length = stop - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


class _TooCostly(Exception):
    """The comparison would take too long."""


class _Bounded(difflib.SequenceMatcher[str]):
    """The standard matcher, which counts what it looks at."""

    b2j: dict[str, list[int]]
    """Of the standard library: where each line of `after` is, very frequent ones left out."""

    def __init__(self, before: list[str], after: list[str]) -> None:
        super().__init__(None, before, after)
        self._left = LOOKS
        # How many lines of `after` equal the first n lines of `before`.
        self._pairs = [0, *accumulate(1 + len(self.b2j.get(line, ())) for line in before)]

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> difflib.Match:
        ahi = len(self._pairs) - 1 if ahi is None else ahi
        self._left -= self._pairs[ahi] - self._pairs[alo]
        if self._left < 0:
            raise _TooCostly
        return super().find_longest_match(alo, ahi, blo, bhi)
