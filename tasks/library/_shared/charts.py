"""Charts as HTML and inline SVG: they take the page's colours, and their words stay readable on a phone.

Lengths are per cent of the chart, so a chart fits any width; numbers are written beside the marks, so
nothing depends on a pointer.  How they look: page.css.  Everything is in the order given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import figures
from page import text


@dataclass(frozen=True)
class Bar:
    """One bar: what it stands for, how long it is, and a quiet second line."""

    name: str
    value: float
    note: str = ""
    shown: str = ""  # instead of the value with its thousands separated


def bars(entries: Sequence[Bar], *, warm: bool = False, code: bool = False, whole: float = 0) -> str:
    """Horizontal bars, as long as their share of the longest, or of a `whole` that is given."""
    longest = whole or max((entry.value for entry in entries), default=0) or 1
    items = "".join(_bar(entry, 100 * entry.value / longest, code) for entry in entries)
    return f'<ol class="bars{" warm" if warm else ""}">{items}</ol>'


def _bar(entry: Bar, percent: float, code: bool) -> str:
    name = f"<code>{text(entry.name)}</code>" if code else text(entry.name)
    small = f"<small>{text(entry.note)}</small>" if entry.note else ""
    return (
        f'<li><span class="name">{name}{small}</span>'
        f'<span class="track"><i style="width:{percent:.2f}%"></i></span>'
        f'<span class="value">{text(entry.shown or figures.whole(entry.value))}</span></li>'
    )


def columns(entries: Sequence[tuple[str, int]]) -> str:
    """Upright columns with their counts on top: (label, count)."""
    highest = max((count for _, count in entries), default=0) or 1
    items = "".join(
        f'<li><span class="well"><i style="height:{100 * count / highest:.2f}%"></i>'
        f'<b style="bottom:{100 * count / highest:.2f}%">{figures.whole(count)}</b></span>'
        f'<span class="label">{text(label)}</span></li>'
        for label, count in entries
    )
    return f'<ol class="columns">{items}</ol>'


def histogram(counts: Sequence[int], low: str, high: str) -> str:
    """A small distribution: columns without words, its two ends named below."""
    highest = max(counts, default=0) or 1
    items = "".join(
        f'<li title="{figures.whole(count)}"><span class="well">'
        f'<i style="height:{100 * count / highest:.2f}%"></i></span></li>'
        for count in counts
    )
    return (
        f'<ol class="columns small">{items}</ol><p class="ends"><span>{text(low)}</span><span>{text(high)}</span></p>'
    )


@dataclass(frozen=True)
class Tile:
    """One rectangle of a map: its area is `weight`, its shade `depth` (0 to 1)."""

    name: str
    weight: float
    note: str
    depth: float


def tree_map(tiles: Sequence[Tile], width: float = 1.6) -> str:
    """Rectangles whose areas compare the weights; give them largest first.

    The layout is Bruls, Huizing and van Wijk's squarified treemap (2000): fill the shorter side with
    as many tiles as make that row's worst aspect ratio better.  `width` is the map's width to height.
    """
    total = sum(tile.weight for tile in tiles) or 1
    areas = [tile.weight / total * width for tile in tiles]
    cells = "".join(_tile(tile, place, width) for tile, place in zip(tiles, _squarify(areas, width), strict=True))
    return f'<div class="map">{cells}</div>'


Place = tuple[float, float, float, float]  # left, top, width, height


def _squarify(areas: list[float], width: float) -> list[Place]:
    left, top, wide, high = 0.0, 0.0, width, 1.0
    places: list[Place] = []
    while len(places) < len(areas):
        row = _best_row(areas[len(places) :], min(wide, high))
        thick = sum(row) / min(wide, high)
        along = top if wide >= high else left
        for area in row:
            length = area / thick
            places.append((left, along, thick, length) if wide >= high else (along, top, length, thick))
            along += length
        if wide >= high:
            left, wide = left + thick, max(wide - thick, 1e-9)
        else:
            top, high = top + thick, max(high - thick, 1e-9)
    return places


def _best_row(areas: list[float], side: float) -> list[float]:
    row = areas[:1]
    for area in areas[1:]:
        if _worst([*row, area], side) > _worst(row, side):
            break
        row.append(area)
    return row


def _worst(row: list[float], side: float) -> float:
    """The least square-like tile of a row along `side`: the larger of its two aspect ratios."""
    total = sum(row)
    return max(side**2 * max(row) / total**2, total**2 / (side**2 * max(min(row), 1e-12)))


def _tile(tile: Tile, place: Place, width: float) -> str:
    left, top, wide, high = place
    box = f"left:{100 * left / width:.3f}%;top:{100 * top:.3f}%"
    box += f";width:{100 * wide / width:.3f}%;height:{100 * high:.3f}%"
    return (
        f'<div style="{box}" title="{text(tile.name)}: {text(tile.note)}">'
        f'<div class="cell" style="--depth:{12 + 43 * tile.depth:.0f}">'
        f"<b>{text(tile.name)}</b><span>{text(tile.note)}</span></div></div>"
    )


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis from 1 to `high` with its name."""

    name: str
    high: float

    def at(self, value: float) -> float:
        """The place of a value in per cent of the axis."""
        return 100 * math.log10(max(value, 1)) / math.log10(max(self.high, 10))

    def ticks(self) -> list[int]:
        """The powers of ten on the axis."""
        return [10**power for power in range(int(math.log10(max(self.high, 10))) + 1)]


def dots(points: Sequence[tuple[float, float]], marked: Sequence[tuple[float, float]], x: Axis, y: Axis) -> str:
    """A dot per pair on two logarithmic axes; `marked` ones in the warm colour.

    Each dot is a line of no length with round ends: it stays round however the chart is stretched.
    """
    rules = "".join(f"M{x.at(tick):.2f} 0V100" for tick in x.ticks()[1:])
    rules += "".join(f"M0 {100 - y.at(tick):.2f}H100" for tick in y.ticks()[1:])
    words = "".join(f'<span class="x" style="left:{x.at(t):.2f}%">{t:,}</span>' for t in x.ticks())
    words += "".join(f'<span class="y" style="bottom:{y.at(t):.2f}%">{t:,}</span>' for t in y.ticks())
    return (
        '<div class="plane"><svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="rule" d="{rules}"/><path d="{_places(points, x, y)}"/>'
        f'<path class="warm" d="{_places(marked, x, y)}"/></svg>{words}'
        f'<span class="x title">{text(x.name)} →</span><span class="y title">↑ {text(y.name)}</span></div>'
    )


def _places(points: Sequence[tuple[float, float]], x: Axis, y: Axis) -> str:
    return "".join(f"M{x.at(across):.2f} {100 - y.at(up):.2f}h0" for across, up in points)


def heat(names: Sequence[str], values: Sequence[Sequence[float | None]]) -> str:
    """A square of values from -1 to 1: warm below zero, the main colour above; None is left empty."""
    head = "".join(f'<th scope="col" title="{text(name)}">{text(name)}</th>' for name in names)
    body = "".join(
        f'<tr><th scope="row" title="{text(name)}">{text(name)}</th>{"".join(map(_shade, row))}</tr>'
        for name, row in zip(names, values, strict=True)
    )
    return (
        '<div class="heatbox" tabindex="0" role="region" aria-label="Correlations"><table class="heat">'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _shade(value: float | None) -> str:
    if value is None:
        return "<td>–</td>"
    tone = "warm" if value < 0 else "main"
    shown = f"{round(value, 2) + 0:.2f}".replace("-", "−")
    return f'<td style="--tone:var(--{tone});--depth:{46 * abs(value):.0f}">{shown}</td>'
