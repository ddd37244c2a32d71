"""The measured table as the report and the picture need it: rows, and what follows from them.

Reads output/metrics.csv and output/check.json.  Used by survey_report.py and survey_picture.py.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

TOP = "(top level)"
SELF = "(its own package)"
SIZE_STEPS = (1, 10, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class File:
    """One row of the table; counts of a file that could not be parsed are zero.

    `shared` is the number of folders that all paths begin with, as in an archive of one project.
    """

    path: str
    lines: int
    blank: int
    comments: int
    functions: int
    classes: int
    longest_function: str
    longest_function_line: int
    longest_function_lines: int
    nesting: int
    imports: int
    modules: tuple[str, ...]
    error: str
    shared: int

    @property
    def package(self) -> str:
        """The folder at the top that the file belongs to."""
        parts = PurePosixPath(self.path).parts[self.shared :]
        return parts[0] if len(parts) > 1 else TOP

    @property
    def module(self) -> str:
        """The top-level name by which code in the folder can import it."""
        return PurePosixPath(self.path).parts[self.shared].removesuffix(".py")

    def imported(self) -> set[str]:
        """The top-level modules that the file needs; what it imports relatively is its own package."""
        return {SELF if name.startswith(".") else name.split(".")[0] for name in self.modules}


def read_files(path: Path = Path("output/metrics.csv")) -> list[File]:
    """The rows in the order of the table."""
    with path.open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    shared = shared_parts([PurePosixPath(row["path"]).parts[:-1] for row in rows])
    return [_file(row, shared) for row in rows]


def shared_parts(folders: list[tuple[str, ...]]) -> int:
    """How many parts all folders begin with; the smallest and the largest decide."""
    first, last = min(folders), max(folders)
    same = [one == other for one, other in zip(first, last, strict=False)]
    return same.index(False) if False in same else len(same)


def _file(row: dict[str, str], shared: int) -> File:
    texts = {name: row[name] for name in ("path", "longest_function", "error")}
    counts = {
        name: int(row[name] or 0)
        for name in ("lines", "blank", "comments", "functions", "classes", "longest_function_line",
                     "longest_function_lines", "nesting", "imports")
    }  # fmt: skip
    return File(modules=tuple(row["modules"].split()), shared=shared, **texts, **counts)


def read_check(path: Path = Path("output/check.json")) -> dict[str, Any]:
    """What the recount found."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def by_size(files: list[File]) -> list[tuple[str, int]]:
    """Files in steps of length: (where the step begins, files)."""
    counts = Counter(sum(file.lines >= step for step in SIZE_STEPS) for file in files)
    labels = ["0", *(f"{step // 1000}k+" if step >= 1000 else f"{step}+" for step in SIZE_STEPS)]
    return [(label, counts[step]) for step, label in enumerate(labels)]


def lines_by_package(files: list[File]) -> list[tuple[str, int, int]]:
    """(package, lines, files), the longest first."""
    lines: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for file in files:
        lines[file.package] += file.lines
        amounts[file.package] += 1
    ordered = sorted(lines, key=lambda name: (-lines[name], name))
    return [(name, lines[name], amounts[name]) for name in ordered]


def big_and_small(
    packages: list[tuple[str, int, int]], least: float = 0.004
) -> tuple[list[tuple[str, int, int]], list[tuple[str, int, int]]]:
    """The packages with at least that share of all lines (never more than forty), and the others."""
    total = sum(lines for _, lines, _ in packages)
    big = [package for package in packages if package[1] and package[1] >= least * total][:40]
    return big, packages[len(big) :]


def importers(files: list[File]) -> list[tuple[str, int]]:
    """(module, files that import it), the most wanted first; relative imports are left out."""
    counts = Counter(name for file in files for name in file.imported() if name != SELF)
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def own_modules(files: list[File]) -> set[str]:
    """The names by which code in this folder can be imported."""
    return {file.module for file in files}


def middle(values: list[int]) -> int:
    """The median, rounded down; 0 of nothing."""
    return sorted(values)[(len(values) - 1) // 2] if values else 0
