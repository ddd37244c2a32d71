"""Read and write amounts as people do: `512 MiB`, `90 s`, `5 min`, `256`.

What `shown` writes, `read` reads again as the same amount.  Used for limits: limits.py.
"""

import re
from enum import StrEnum


class Measure(StrEnum):
    """What an amount counts."""

    SECONDS = "seconds"
    BYTES = "bytes"
    COUNT = "count"


# A single letter means powers of 1024, as it does for container engines and systemd.
_BYTES: dict[str, float] = {
    "b": 1, "byte": 1, "bytes": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_SECONDS: dict[str, float] = {
    "ms": 0.001, "s": 1, "sec": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400, "days": 86400, "week": 604800, "weeks": 604800,
}  # fmt: skip
_UNITS: dict[Measure, dict[str, float]] = {Measure.BYTES: _BYTES, Measure.SECONDS: _SECONDS, Measure.COUNT: {}}
_SHOWN: dict[Measure, tuple[tuple[str, float], ...]] = {
    Measure.BYTES: (
        ("TiB", 2**40), ("GiB", 2**30), ("TB", 10**12), ("GB", 10**9), ("MiB", 2**20), ("MB", 10**6), ("KiB", 2**10),
        ("kB", 10**3), ("B", 1),
    ),
    Measure.SECONDS: (("h", 3600), ("min", 60), ("s", 1), ("ms", 0.001)),
    Measure.COUNT: (),
}  # fmt: skip
_WRITTEN = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([A-Za-z]*)")
CURES = {
    Measure.BYTES: "write a size such as 512 MiB or 1.5 GB, or a number of bytes",
    Measure.SECONDS: "write a time such as 90 s, 5 min or 1 h, or a number of seconds",
    Measure.COUNT: "write a whole number",
}
MOST = 2**60


def read(written: object, measure: Measure) -> float:
    """The amount in seconds, bytes or pieces; bytes and pieces are whole.

    Raises:
        ValueError: it is none; the message says what to write.
    """
    amount = _amount(written, measure)
    # Neither NaN nor infinity lies between.
    if amount is None or not 0 <= amount <= MOST:
        raise ValueError(CURES[measure])
    if measure is Measure.SECONDS:
        return round(amount, 3)
    if measure is Measure.COUNT and amount != int(amount):
        raise ValueError(CURES[measure])
    return int(amount)


def _amount(written: object, measure: Measure) -> float | None:
    if isinstance(written, bool):
        return None
    if isinstance(written, int | float):
        return written
    found = _WRITTEN.fullmatch(written.strip()) if isinstance(written, str) else None
    if found is None:
        return None
    factor = _UNITS[measure].get(found[2].lower()) if found[2] else 1
    return None if factor is None else float(found[1]) * factor


def shown(amount: float, measure: Measure) -> str:
    """The amount in the largest unit in which it is a whole number."""
    if measure is Measure.COUNT:
        return f"{amount:.0f}"
    for unit, factor in _SHOWN[measure]:
        count = amount / factor
        if count >= 1 and round(count, 6) == round(count):
            return f"{count:.0f} {unit}"
    return f"{amount:g} {'s' if measure is Measure.SECONDS else 'B'}"
