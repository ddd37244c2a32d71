"""Times, durations, sizes and counts as people read them: filters of the templates, taught by words.py."""

from datetime import UTC, datetime

from markupsafe import Markup

from models.columns import now

DAY = 86400
# Below this many seconds: the unit's length, and how it is said.
AGES = ((60, 1, "{} s ago"), (3600, 60, "{} min ago"), (DAY, 3600, "{} h ago"), (2 * DAY, DAY, "yesterday"),
        (7 * DAY, DAY, "{} days ago"))  # fmt: skip
# Below this many seconds: the two units, and how they are said.
SPANS = ((3600, 60, 1, "{} min {:02d} s"), (DAY, 3600, 60, "{} h {:02d} min"), (float("inf"), DAY, 3600, "{} d {} h"))
SIZES = ("B", "kB", "MB", "GB", "TB")


def ago(at: datetime | None, since: datetime | None = None) -> str:
    """How long ago: `just now`, `40 s ago`, `2 min ago`, `yesterday`, `3 Nov`; `in 5 min 00 s` for what comes."""
    if at is None:
        return "never"
    seconds = ((since or now()) - at).total_seconds()
    if seconds < 5:
        return "just now" if seconds > -1 else f"in {duration(-seconds)}"
    for limit, unit, words in AGES:
        if seconds < limit:
            return words.format(int(seconds // unit))
    return f"{at.day} {at:%b}" if seconds < 300 * DAY else f"{at.day} {at:%b %Y}"


def utc(at: datetime) -> str:
    """The exact time: `2026-11-21 03:41:07.125 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d} {clock(at)} UTC"


def clock(at: datetime) -> str:
    """The time of day, UTC, with milliseconds: `03:41:07.125`."""
    in_utc = at.astimezone(UTC)
    return f"{in_utc:%H:%M:%S}.{in_utc.microsecond // 1000:03d}"


def when(at: datetime | None) -> Markup:
    """`ago` as a <time> element with the exact time in its title; js/times.js keeps it current."""
    if at is None:
        return Markup("never")
    element = Markup('<time datetime="{}" title="{}" data-ago>{}</time>')
    return element.format(at.isoformat(timespec="milliseconds"), utc(at), ago(at))


def clock_short(at: datetime) -> str:
    """The time of day, UTC, to the minute; with the day when that is not today: `14:02`, `20 Nov 14:02`."""
    in_utc = at.astimezone(UTC)
    return f"{in_utc:%H:%M}" if in_utc.date() == now().date() else f"{in_utc.day} {in_utc:%b %H:%M}"


def since(at: datetime) -> Markup:
    """How long it has lasted, `3 s`, as an element that js/times.js counts on every second."""
    element = Markup('<time datetime="{}" data-since>{}</time>')
    return element.format(at.isoformat(timespec="milliseconds"), duration(max(int(between(at, None) or 0), 0)))


def until(at: datetime) -> Markup:
    """How long until then, `in 8 s`, as an element that js/times.js counts on every second."""
    left = int((at - now()).total_seconds())
    element = Markup('<time datetime="{}" title="{}" data-until>{}</time>')
    return element.format(at.isoformat(timespec="milliseconds"), utc(at), f"in {duration(left)}" if left > 0 else "now")


def duration(seconds: float | None) -> str:
    """`34 ms`, `1.2 s`, `41 s`, `2 min 05 s`, `3 h 10 min`, `2 d 4 h`; a dash for None."""
    if seconds is None:
        return "–"
    if seconds < 0.9995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    _, unit, part, words = next(span for span in SPANS if whole < span[0])
    return words.format(whole // unit, whole % unit // part)


def between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from start to end, to now when it has not ended; None when it has not begun."""
    return None if start is None else ((end or now()) - start).total_seconds()


def size(count: float | None) -> str:
    """Bytes: `0 B`, `812 B`, `3.4 kB`, `21.0 MB`, `210 MB`; a dash for None."""
    if count is None:
        return "–"
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(SIZES) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {SIZES[unit]}" if unit == 0 or value >= 99.5 else f"{value:.1f} {SIZES[unit]}"


def number(value: float) -> str:
    """A count with its thousands apart: `12,400`."""
    return f"{value:,}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 file`, `2 files`, `3 entries`."""
    return f"{number(count)} {noun if count == 1 else plural or noun + 's'}"
