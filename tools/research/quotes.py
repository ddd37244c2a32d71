"""Whether a text says what is quoted of it: word for word, however it is set.

Space, line ends, Markdown's marks and the kinds of quotation marks and dashes are setting; all else counts.
"""

import re
import unicodedata

# What follows "](" goes no further than the next brackets, so that a page full of them is read in one go.
_MARKS = re.compile(
    r"[*_`#|\\]+|\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)?\)|[\[\]]|^[ \t]{0,20}(?:[-+>]|\d{1,9}\.)\s", re.MULTILINE
)
_SAME = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032`", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        "\u00ad": None,
        "\u200b": None,
        "\ufeff": None,
    }
)
_GAP = re.compile(r"\s*(?:\[\s*(?:\.\.\.|\u2026)\s*\]|\.\.\.|\u2026)\s*")
_LEAST = 3
_LEAST_OF_PART = 8
"""Letters: out of shorter parts any sentence could be put together."""


def is_in(quote: str, text: str) -> bool:
    """Whether the text has the quote; parts that it leaves out ("…", "[...]") may lie between, in their order."""
    there, at = plain(text), 0
    parts = [part for each in _GAP.split(quote) if (part := plain(each))]
    least = _LEAST_OF_PART if len(parts) > 1 else _LEAST
    for part in parts:
        found = there.find(part, at)
        if found < 0 or sum(letter.isalnum() for letter in part) < least:
            return False
        at = found + len(part)
    return bool(parts)


def plain(text: str) -> str:
    """The text without its setting."""
    marked = unicodedata.normalize("NFKC", text.translate(_SAME)).translate(_SAME)
    return " ".join(_MARKS.sub(" ", marked).split())
