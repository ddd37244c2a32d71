"""When a page was published, as far as that is known: a year, a month of it, or a day."""

import calendar
import re
from dataclasses import dataclass
from datetime import date
from typing import Self

_WRITTEN = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?(?:[T ].*)?")
_SHORT = ("", "Jan.", "Feb.", "Mar.", "Apr.", "May", "Jun.", "Jul.", "Aug.", "Sep.", "Oct.", "Nov.", "Dec.")


@dataclass(frozen=True)
class Day:
    """0 is what is not known."""

    year: int = 0
    month: int = 0
    day: int = 0

    @classmethod
    def read(cls, text: str) -> Self:
        """A date such as 2024, 2024-03, 2024-03-05 or a time of that day; anything else is not known."""
        found = _WRITTEN.fullmatch(text.strip())
        if found is None:
            return cls()
        year, month, day = (int(part or 0) for part in found.groups())
        try:
            date(year, month or 1, day or 1)
        except ValueError:
            return cls()
        return cls(year, month, day)

    @classmethod
    def of(cls, day: date) -> Self:
        """That day."""
        return cls(day.year, day.month, day.day)

    @property
    def long(self) -> str:
        """March 5, 2024."""
        return self._written(calendar.month_name[self.month])

    @property
    def short(self) -> str:
        """Mar. 5, 2024."""
        return self._written(_SHORT[self.month])

    @property
    def year_first(self) -> str:
        """2024, March 5."""
        rest = f"{calendar.month_name[self.month]} {self.day or ''}".strip()
        return f"{self.year}, {rest}" if self.month else str(self.year)

    def _written(self, month: str) -> str:
        if not self.month:
            return str(self.year)
        return f"{month} {self.day}, {self.year}" if self.day else f"{month} {self.year}"

    def __bool__(self) -> bool:
        return bool(self.year)


UNKNOWN = Day()
