"""The markers of a Markdown text that point to numbered sources: [1], [2, 3], [4-6].

Code and links have brackets too, and are none; `[word][1]` points to 1.
"""

import re

_CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_DEFINED = re.compile(r"^\[\d+\]:.*$", re.MULTILINE)
_MARKER = re.compile(r"(?<![\w!])\[(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\](?!\()")
_WIDEST = 50


def numbers_in(text: str) -> set[int]:
    """The numbers that it points to."""
    return {number for found in _MARKER.finditer(_DEFINED.sub("", without_code(text))) for number in _numbers(found[1])}


def without_code(text: str) -> str:
    """The text but for its code."""
    return _CODE.sub(" ", text)


def _numbers(inside: str) -> set[int]:
    found: set[int] = set()
    for part in re.split(r"[,;]", inside):
        ends = [int(each) for each in re.findall(r"\d+", part)]
        wide = ends and 0 <= ends[-1] - ends[0] <= _WIDEST
        found |= set(range(ends[0], ends[-1] + 1)) if wide else set(ends)
    return found
