"""Draw the survey as one picture to show or to send: output/overview.png, four charts by matplotlib.

Usage: survey_picture.py.  The numbers: read_survey.py.  The same picture comes out of the same table.
Result: picture, width, height (pixels).
"""

from __future__ import annotations

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
from figures import counted, whole
from matplotlib.axes import Axes
from read_survey import File, by_size, importers, lines_by_package, read_files

INK, SOFT, MAIN, WARM, PAPER = "#1d2a2e", "#56646a", "#1f6f78", "#b4552a", "#fbfaf6"
DOTS_PER_INCH = 160
LOOK = {
    "axes.edgecolor": "#c9c4b6", "axes.facecolor": PAPER, "axes.labelcolor": SOFT, "axes.spines.right": False,
    "axes.spines.top": False, "axes.titlecolor": INK, "axes.titlelocation": "left", "axes.titlepad": 12,
    "axes.titlesize": 12, "axes.titleweight": "bold", "figure.facecolor": PAPER, "font.size": 9,
    "text.parse_math": False, "xtick.color": SOFT, "ytick.color": SOFT,
}  # fmt: skip


def draw_sizes(axes: Axes, files: list[File]) -> None:
    """Files by their length."""
    labels, counts = zip(*by_size(files), strict=True)
    axes.bar_label(axes.bar(labels, counts, color=MAIN), fontsize=8, color=SOFT, padding=2)
    axes.set_title("How many files have how many lines")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def draw_dots(axes: Axes, files: list[File]) -> None:
    """Lines against functions, a dot per file."""
    parsed = [file for file in files if file.functions]
    tones = [WARM if file.nesting >= 8 else MAIN for file in parsed]
    across, up = [file.lines for file in parsed], [file.functions for file in parsed]
    axes.scatter(across, up, s=9, c=tones, alpha=0.45, linewidths=0)
    axes.set(xscale="log", yscale="log", xlabel="lines", ylabel="functions")
    axes.set(xlim=(1, max(across, default=10) * 1.5), ylim=(0.7, max(up, default=10) * 1.5))
    axes.set_title("Lines and functions of each file")
    axes.text(0.02, 0.95, "nested eight deep or more", color=WARM, transform=axes.transAxes, fontsize=8)


def draw_bars(axes: Axes, title: str, entries: list[tuple[str, int]]) -> None:
    """Horizontal bars, the first on top."""
    names = [name if len(name) <= 26 else name[:25] + "…" for name, _ in entries]
    bars = axes.barh(range(len(entries)), [count for _, count in entries], color=MAIN, height=0.62)
    axes.bar_label(bars, [whole(count) for _, count in entries], fontsize=8, color=SOFT, padding=3)
    axes.set_yticks(range(len(entries)), names)
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_title(title)


def main() -> dict[str, Any]:
    mpl.use("Agg")
    mpl.rcParams.update(LOOK)
    files = read_files()
    figure, ((sizes, dots), (packages, modules)) = plt.subplots(2, 2, figsize=(12, 8.5), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.25, h_pad=0.25, wspace=0.04, hspace=0.06)
    title = os.environ.get("OPSCORE_TASK_TITLE", "").strip() or "Survey of a code base"
    words = f"{counted(len(files), 'file')}, {counted(sum(file.lines for file in files), 'line')}"
    figure.suptitle(f"{title}\n{words}", x=0.02, ha="left", fontsize=15, color=INK)
    draw_sizes(sizes, files)
    draw_dots(dots, files)
    draw_bars(packages, "Lines by folder", [(name, lines) for name, lines, _ in lines_by_package(files)[:10]])
    draw_bars(modules, "Files that import a module", importers(files)[:10])
    target = Path("output/overview.png")
    figure.savefig(target, dpi=DOTS_PER_INCH, metadata={"Software": None})
    width, height = (round(inches * DOTS_PER_INCH) for inches in figure.get_size_inches())
    print(f"{target}: {width} by {height} pixels")
    return {"picture": str(target), "width": width, "height": height}


if __name__ == "__main__":
    outcome.run(main)
