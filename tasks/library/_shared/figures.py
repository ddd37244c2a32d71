"""Numbers as people read them: `1,790`, `12.4 %`, `3.1 MB`, `1,204 files`."""

from __future__ import annotations

import math

GAP = "\N{NO-BREAK SPACE}"


def whole(number: float) -> str:
    """A count with thousands separated: `31525` is `31,525`."""
    return f"{round(number):,}"


def share(part: float, of: float) -> str:
    """A part in per cent, one decimal below ten: `7.3 %`, `43 %`; `0 %` of nothing."""
    percent = 100 * part / of if of else 0.0
    if 0 < percent < 0.1:
        return f"<{GAP}0.1{GAP}%"
    return f"{percent:.1f}{GAP}%" if 0 < percent < 10 else f"{percent:.0f}{GAP}%"


def size(byte_count: float) -> str:
    """A size in bytes with its decimal unit: `532 B`, `31.5 MB`."""
    units = ("B", "kB", "MB", "GB")
    step = min(int(math.log(byte_count, 1000)) if byte_count >= 1 else 0, len(units) - 1)
    scaled = byte_count / 1000**step
    digits = 0 if step == 0 or scaled >= 100 else 1
    return f"{scaled:.{digits}f}{GAP}{units[step]}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: `1 file`, `2 files`, `3 classes` (give an irregular plural)."""
    return f"{whole(number)} {noun if number == 1 else plural or noun + 's'}"


def short(number: float) -> str:
    """A measured value with about four digits that matter: `0.01235`, `12.3`, `1,234,568`."""
    if number == 0 or not math.isfinite(number):
        return "0" if number == 0 else str(number)
    if abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.4g}" if abs(number) >= 1e-4 else f"{number:.2e}"
