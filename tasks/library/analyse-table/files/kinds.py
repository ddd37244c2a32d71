"""What kind of values a column holds: one reading must fit all of them, or the column is text.

A reading turns texts into numbers (dates into seconds since 1970).  Codes such as `00123` are text on
purpose: as numbers they would lose their zeros.  Used by profile_table.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "<na>", "-"})
INTEGER = r"[+-]?(?:0|[1-9]\d{0,14})"
NUMBER = r"[+-]?(?:(?:0|[1-9]\d{0,14})(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?"
GROUPED = r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?"
DECIMAL_COMMA = r"[+-]?(?:0|[1-9]\d{0,14}|[1-9]\d{0,2}(?:\.\d{3})+)(?:,\d+)?"
TRUE_AND_FALSE = {"true": 1, "yes": 1, "y": 1, "t": 1, "false": 0, "no": 0, "n": 0, "f": 0}
DATE_FORMATS = (
    "ISO8601", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d %b %Y", "%b %d, %Y",
)  # fmt: skip
DATE = r"\d{4}-\d\d-\d\d(?:[T ]\d.*)?|\d{1,4}[./]\d{1,2}[./]\d{2,4}(?: \d.*)?|\d{1,2} \w+ \d{4}|\w+ \d{1,2}, \d{4}"

Read = Callable[[pd.Series], pd.Series]


@dataclass(frozen=True)
class Reading:
    """One way to understand a column: its kind, its name in columns.csv, and the function that does it.

    `read` gives a float for each text, NaN where the text does not fit.
    """

    kind: str
    name: str
    read: Read


def by_pattern(pattern: str, clean: Callable[[pd.Series], pd.Series]) -> Read:
    """A reading of the texts that fit a pattern as a whole."""

    def read(texts: pd.Series) -> pd.Series:
        fits = texts.str.fullmatch(pattern).astype(bool)
        return pd.to_numeric(clean(texts).where(fits), errors="coerce").astype(float)

    return read


def as_date(layout: str) -> Read:
    """A reading as a date or a time, in seconds since 1970; a time without a zone counts as UTC."""

    def read(texts: pd.Series) -> pd.Series:
        candidates = texts.where(texts.str.fullmatch(DATE).astype(bool))
        times = pd.to_datetime(candidates, format=layout, errors="coerce", utc=True)
        seconds = times.dt.as_unit("us").astype("int64") / 1e6
        return seconds.where(times.notna())

    return read


def read_yes_or_no(texts: pd.Series) -> pd.Series:
    """One for the words that mean yes, zero for those that mean no."""
    return texts.str.lower().map(TRUE_AND_FALSE).astype(float)


def unchanged(texts: pd.Series) -> pd.Series:
    """The texts as they are."""
    return texts


READINGS = (
    Reading("yes or no", "", read_yes_or_no),
    Reading("integer", "", by_pattern(INTEGER, unchanged)),
    Reading("number", "", by_pattern(NUMBER, unchanged)),
    Reading("number", "1,234.5", by_pattern(GROUPED + "|" + NUMBER, lambda t: t.str.replace(",", ""))),
    Reading(
        "number",
        "1.234,5",
        by_pattern(DECIMAL_COMMA, lambda t: t.str.replace(".", "").str.replace(",", ".")),
    ),
    *(Reading("date", layout, as_date(layout)) for layout in DATE_FORMATS),
)
TEXT = Reading("text", "", lambda texts: pd.Series(np.nan, index=texts.index))


@dataclass
class Guess:
    """What is known about a column's kind after some of its values."""

    values: int = 0
    fitting: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(len(READINGS)), 0))
    misfit: dict[int, tuple[int, str]] = field(default_factory=dict)

    def learn(self, texts: pd.Series) -> None:
        """Try every reading that still fits nearly all on the different texts; the index is the row."""
        counts = texts.value_counts(sort=False)  # in the order of their first appearance
        different = pd.Series(counts.index.array, dtype="str")
        self.values += len(texts)
        for number in list(self.fitting):
            fits = READINGS[number].read(different).notna().to_numpy()
            self.fitting[number] += int(counts.to_numpy()[fits].sum())
            if self.fitting[number] < 0.95 * self.values:
                del self.fitting[number]
            elif number not in self.misfit and not fits.all():
                odd = str(different[~fits].iloc[0])
                self.misfit[number] = (int(texts.index[(texts == odd).argmax()]) + 1, odd)

    def reading(self) -> Reading:
        """The first reading that fits every value; text if none does."""
        fitting = [number for number, count in self.fitting.items() if count == self.values]
        return READINGS[min(fitting)] if fitting and self.values else TEXT

    def doubt(self) -> str:
        """What deserves a look: nearly all values would fit another kind, or two readings fit."""
        if not self.values:
            return ""
        complete = [READINGS[number].name for number, count in self.fitting.items() if count == self.values]
        if {"%d/%m/%Y", "%m/%d/%Y"} <= set(complete):
            return "day and month could be the other way round; read as day first"
        if complete[:2] == ["1,234.5", "1.234,5"]:
            return "the comma could be a decimal comma; read as one between thousands"
        if complete or not self.fitting:
            return ""
        best = max(self.fitting, key=lambda number: (self.fitting[number], -number))
        row, text = self.misfit[best]
        odd = self.values - self.fitting[best]
        others = f" and {odd - 1:,} more" if odd > 1 else ""
        return f"would be of the kind {READINGS[best].kind}, were it not for “{text[:40]}” in row {row:,}{others}"
