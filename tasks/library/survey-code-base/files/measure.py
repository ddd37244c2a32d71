"""Measure every Python file below a folder with `ast`: output/metrics.csv, one row a file.

Usage: measure.py ROOT.  What is counted: shape.py.  Who checks it: recount.py.
A file that cannot be parsed keeps its row, with its lines and its error.
Result: rows, lines, blank, comments, functions, classes, bytes, unparsed.
"""

from __future__ import annotations

import argparse
import ast
import csv
import gc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import outcome
from figures import counted, whole
from shape import comments_in, shape_of
from sources import printable, python_files

COLUMNS = (
    "path", "bytes", "lines", "blank", "comments", "functions", "classes", "longest_function",
    "longest_function_line", "longest_function_lines", "nesting", "imports", "modules", "error",
)  # fmt: skip
TOTALS = ("lines", "blank", "comments", "functions", "classes", "bytes")
LARGEST_PARSED = 2 * 1024 * 1024  # bytes; a tree takes up to a few hundred times the memory of its text
ROWS_BETWEEN_NEWS = 100


def measure(root: Path, path: str) -> dict[str, Any]:
    """The row of one file; what could not be found out is left out of it."""
    data = (root / path).read_bytes()
    lines = data.splitlines()
    row: dict[str, Any] = {
        "path": printable(path),
        "bytes": len(data),
        "lines": len(lines),
        "blank": sum(not line.strip() for line in lines),
    }
    try:
        return row | parsed(data)
    except SyntaxError as problem:
        return row | {"error": f"{type(problem).__name__}: {said(problem)}"}
    except (ValueError, RecursionError, MemoryError) as problem:
        return row | {"error": f"{type(problem).__name__}: {one_line(problem) or 'too large'}"}


def parsed(data: bytes) -> dict[str, Any]:
    """The part of a row that needs the syntax tree."""
    if len(data) > LARGEST_PARSED:
        raise ValueError(f"not parsed, larger than {whole(LARGEST_PARSED)} bytes")
    shape = shape_of(ast.parse(data))
    found = vars(shape) | {"modules": " ".join(sorted(shape.modules))}
    return found | {"comments": comments_in(data), "error": ""}


def said(problem: SyntaxError) -> str:
    """The parser's sentence with the line that it is about."""
    where = f" (line {problem.lineno})" if problem.lineno else ""
    return one_line(problem.msg) + where


def one_line(words: object) -> str:
    """The words without line breaks."""
    return " ".join(str(words).split())


def measured(root: Path, paths: list[str]) -> Iterator[dict[str, Any]]:
    """The rows, one after the other, with news about the progress on standard output."""
    for number, path in enumerate(paths, start=1):
        yield measure(root, path)
        if number % ROWS_BETWEEN_NEWS == 0 or number == len(paths):
            print(f"{whole(number)} of {whole(len(paths))} files measured, now {printable(path)}", flush=True)


def main() -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    root = parser.parse_args().root
    warnings.simplefilter("ignore")  # odd escapes in somebody's strings are not what is measured
    gc.disable()  # trees hold no cycles; looking for some costs a tenth of the time
    paths = python_files(root)
    totals = dict.fromkeys(TOTALS, 0)
    unparsed = 0
    Path("output").mkdir(exist_ok=True)
    with Path("output/metrics.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for row in measured(root, paths):
            table.writerow(row)
            unparsed += bool(row["error"])
            for name in TOTALS:
                totals[name] += row.get(name, 0)
    print(f"{counted(unparsed, 'file')} could not be parsed: see the column error in output/metrics.csv")
    return {"rows": len(paths), **totals, "unparsed": unparsed}


if __name__ == "__main__":
    outcome.run(main)
