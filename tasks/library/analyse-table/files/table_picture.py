"""Draw the columns as one picture to show or to send: output/overview.png, by matplotlib.

Usage: table_picture.py.  The numbers: output/summary.json.  The same picture comes out of the same table.
Result: picture, width, height (pixels).
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

# Read when matplotlib is imported: its cache is no result of the task, and threads cost memory.
if "MPLCONFIGDIR" not in os.environ:
    os.environ["MPLCONFIGDIR"] = tempfile.mkdtemp()
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import matplotlib as mpl
import matplotlib.pyplot as plt
import outcome
from figures import counted, short, whole
from matplotlib.axes import Axes

INK, SOFT, MAIN, PAPER = "#1d2a2e", "#56646a", "#1f6f78", "#fbfaf6"
DOTS_PER_INCH = 160
MOST_PANELS = 12
LOOK = {
    "axes.edgecolor": "#c9c4b6", "axes.facecolor": PAPER, "axes.spines.left": False, "axes.spines.right": False,
    "axes.spines.top": False, "axes.titlecolor": INK, "axes.titlelocation": "left", "axes.titlesize": 11,
    "axes.titleweight": "bold", "figure.facecolor": PAPER, "font.size": 9, "text.parse_math": False,
    "xtick.color": SOFT, "ytick.color": SOFT,
}  # fmt: skip


def draw_column(axes: Axes, name: str, details: dict[str, Any]) -> None:
    """A distribution of numbers or dates, or the most frequent texts."""
    axes.set_title(clipped(name, 34))
    if "counts" in details:
        counts = details["counts"]
        axes.bar(range(len(counts)), counts, width=0.9, color=MAIN)
        ends = [end if isinstance(end, str) else short(end) for end in (details["low"], details["high"])]
        axes.set_xticks([0, max(len(counts) - 1, 0.5)], ends)
        axes.set_yticks([])
        return
    texts, counts = zip(*details["top"][:6], strict=True)
    bars = axes.barh(range(len(texts)), counts, height=0.62, color=MAIN)
    axes.bar_label(bars, [whole(count) for count in counts], fontsize=8, color=SOFT, padding=3)
    axes.set_yticks(range(len(texts)), [clipped(text, 22) for text in texts])
    axes.set_xticks([])
    axes.set_ylim(max(len(texts), 6) - 0.5, -0.5)


def clipped(text: str, length: int) -> str:
    """The text on one line, cut where it would be too long."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def main() -> dict[str, Any]:
    mpl.use("Agg")
    mpl.rcParams.update(LOOK)
    summary = json.loads(Path("output/summary.json").read_text(encoding="utf-8"))
    drawable = {name: kept for name, kept in summary["details"].items() if kept.get("counts") or kept.get("top")}
    panels = dict(list(drawable.items())[:MOST_PANELS])
    across = min(3, max(1, len(panels)))
    down = max(1, -(-len(panels) // across))
    figure, grid = plt.subplots(down, across, figsize=(12, 1 + 2.6 * down), layout="constrained", squeeze=False)
    figure.get_layout_engine().set(w_pad=0.2, h_pad=0.2, wspace=0.05, hspace=0.05)
    title = os.environ.get("OPSCORE_TASK_TITLE", "").strip() or "Analysis of a table"
    words = f"{counted(summary['rows'], 'row')}, {counted(summary['columns'], 'column')}"
    figure.suptitle(f"{title}\n{words}", x=0.02, ha="left", fontsize=15, color=INK)
    for axes, (name, details) in zip(grid.flat, panels.items(), strict=False):
        draw_column(axes, name, details)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    target = Path("output/overview.png")
    figure.savefig(target, dpi=DOTS_PER_INCH, metadata={"Software": None})
    width, height = (round(inches * DOTS_PER_INCH) for inches in figure.get_size_inches())
    print(f"{target}: {width} by {height} pixels")
    return {"picture": str(target), "width": width, "height": height}


if __name__ == "__main__":
    outcome.run(main)
