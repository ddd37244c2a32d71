"""The facts about one column, gathered a piece at a time: range, middle, spread, most frequent values.

Numbers and dates are kept as floats, eight bytes a row, so quantiles are exact; of texts, the different ones
are counted up to a limit, so memory stays bounded.  Used by profile_table.py.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from kinds import Reading

MOST_TEXTS = 50_000  # different values that are counted in a column; further ones are only known to be more
LONGEST_TEXT = 200  # characters of a value that are kept to tell it from others
BINS = 24
TOP = 8
MOST_CORRELATED = 24  # columns
START = datetime(1970, 1, 1, tzinfo=UTC)


class Column:
    """What is known about a column after the pieces added so far."""

    def __init__(self, name: str, reading: Reading, rows: int) -> None:
        self.name = name
        self.kind = reading.kind
        self.format = reading.name
        self.rows = rows
        self.values = 0
        self.texts: Counter[str] = Counter()
        self.has_more_texts = False
        self.is_measured = reading.kind in {"integer", "number", "date"}
        self.numbers = np.full(rows if self.is_measured else 0, np.nan)
        self._reading = reading

    def add(self, texts: pd.Series, begins: int) -> None:
        """Take in the values of a piece; their index is their row, `begins` the piece's first."""
        self.values += len(texts)
        if self.is_measured:
            different, places = np.unique(texts.to_numpy(dtype=object), return_inverse=True)
            read = self._reading.read(pd.Series(different, dtype="str")).to_numpy()
            self.numbers[texts.index.to_numpy()] = read[places]
            return
        for text, count in texts.str.slice(0, LONGEST_TEXT).value_counts(sort=False).items():
            if text in self.texts or len(self.texts) < MOST_TEXTS:
                self.texts[str(text)] += int(count)
            else:
                self.has_more_texts = True

    def facts(self) -> dict[str, Any]:
        """The row of output/columns.csv; what has no meaning for the kind is left out."""
        facts: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind if self.values else "empty",
            "format": self.format,
            "values": self.values,
            "missing": self.rows - self.values,
            "distinct": self.distinct(),
        }
        if self.is_measured and self.values:
            return facts | self._measures()
        if self.texts:
            value, count = self.top()[0]
            facts |= {"top_value": value, "top_count": count}
        return facts

    def distinct(self) -> str:
        """How many different values there are; `50000+` when they were too many to count."""
        if self.is_measured:
            return str(len(np.unique(self.present())))
        return f"{len(self.texts)}{'+' if self.has_more_texts else ''}"

    def is_quantity(self) -> bool:
        """Whether the numbers measure something: integers that differ in every row are its name."""
        names_rows = self.kind == "integer" and self.rows > 1 and self.distinct() == str(self.rows)
        return self.kind in {"integer", "number"} and not names_rows

    def present(self) -> np.ndarray:
        """The numbers without those that are missing."""
        return self.numbers[~np.isnan(self.numbers)]

    def top(self) -> list[tuple[str, int]]:
        """The most frequent texts, equally frequent ones by the alphabet."""
        return sorted(self.texts.items(), key=lambda entry: (-entry[1], entry[0]))[:TOP]

    def _measures(self) -> dict[str, Any]:
        numbers = self.present()
        low, quarter, median, three_quarters, high = np.quantile(numbers, (0, 0.25, 0.5, 0.75, 1))
        if self.kind == "date":
            return {"minimum": moment(low), "maximum": moment(high), "median": moment(median)}
        reach = 3 * (three_quarters - quarter)  # Tukey's outer fences
        far = (numbers < quarter - reach) | (numbers > three_quarters + reach)
        return {
            "minimum": self._plain(low),
            "maximum": self._plain(high),
            "mean": float(numbers.mean()),
            "median": float(median),
            "deviation": float(numbers.std(ddof=1)) if len(numbers) > 1 else "",
            "quarter": float(quarter),
            "three_quarters": float(three_quarters),
            "sum": self._plain(numbers.sum()),
            "zeros": int((numbers == 0).sum()),
            "outliers": int(far.sum()),
        }

    def _plain(self, number: float) -> int | float:
        return int(number) if self.kind == "integer" else float(number)

    def details(self) -> dict[str, Any]:
        """What a chart of the column needs: the top values, or counts in bins of equal width."""
        if not self.is_measured or not self.values:
            return {"top": self.top()}
        numbers = self.present()
        counts, edges = np.histogram(numbers, bins=min(BINS, max(1, len(np.unique(numbers)))))
        ends = [edges[0], edges[-1]]
        low, high = (moment(end) if self.kind == "date" else float(end) for end in ends)
        return {"low": low, "high": high, "counts": counts.tolist()}


def moment(seconds: float) -> str:
    """Seconds since 1970 as a date, with its time unless that is midnight."""
    when = START + timedelta(seconds=round(float(seconds)))
    is_day = (when.hour, when.minute, when.second) == (0, 0, 0)
    return when.strftime("%Y-%m-%d" if is_day else "%Y-%m-%d %H:%M:%S")


def strongest_correlations(columns: list[Column]) -> list[dict[str, Any]]:
    """Pearson's correlation of every two columns of numbers that vary together in ten rows or more.

    Only the first columns are compared, as many as a chart can show, and no numbers that only name the row;
    the strongest pair comes first.
    """
    numeric = [column for column in columns if column.is_quantity()][:MOST_CORRELATED]
    found = []
    for at, one in enumerate(numeric):
        for other in numeric[at + 1 :]:
            both = ~(np.isnan(one.numbers) | np.isnan(other.numbers))
            left, right = one.numbers[both], other.numbers[both]
            if len(left) >= 10 and np.ptp(left) > 0 and np.ptp(right) > 0:
                r = float(np.corrcoef(left, right)[0, 1])
                found.append({"one": one.name, "other": other.name, "r": round(r, 6), "rows": len(left)})
    return sorted(found, key=lambda pair: (-abs(pair["r"]), pair["one"], pair["other"]))
