"""Write what the survey found as one page that can be read anywhere: output/report.html.

Usage: survey_report.py [--source NAME] [--top N].  The numbers: read_survey.py.  The look: page.py.
The title is the task's (environment variable OPSCORE_TASK_TITLE).
Result: report, files, lines, unparsed.
"""

from __future__ import annotations

import argparse
import os
import platform
from pathlib import Path
from typing import Any

import charts
import outcome
import page
from charts import Axis, Bar, Tile
from figures import counted, share, whole
from read_survey import (
    File,
    big_and_small,
    by_size,
    importers,
    lines_by_package,
    middle,
    own_modules,
    read_check,
    read_files,
)

LARGEST_TABLE = 3000  # rows; above it the page would be too heavy, and metrics.csv has them all


def lede(files: list[File]) -> str:
    """The survey in two sentences."""
    longest = max(files, key=lambda file: file.lines)
    return (
        f"{counted(len(files), 'Python file')} hold {counted(sum(f.lines for f in files), 'line')}: "
        f"{counted(sum(f.functions for f in files), 'function')} and "
        f"{counted(sum(f.classes for f in files), 'class', 'classes')}. Half of the files have "
        f"{counted(middle([f.lines for f in files]), 'line')} or fewer; the longest, {longest.path}, has "
        f"{whole(longest.lines)}."
    )


def numbers(files: list[File]) -> str:
    """The headline figures."""
    lines = sum(file.lines for file in files)
    blank = sum(file.blank for file in files)
    comments = sum(file.comments for file in files)
    parsed = [file for file in files if not file.error]
    functions = sum(file.functions for file in files)
    each = functions / max(sum(file.functions > 0 for file in parsed), 1)
    with_class = share(sum(file.classes > 0 for file in parsed), len(parsed))
    places = counted(len({file.package for file in files}), "place")
    return page.headlines(
        [
            (whole(len(files)), "Files", f"in {places} at the top"),
            (whole(lines), "Lines", f"{share(blank, lines)} of them blank"),
            (whole(functions), "Functions", f"{each:.0f} in a file that has any"),
            (whole(sum(file.classes for file in files)), "Classes", f"{with_class} of files have one"),
            (whole(comments), "Comments", f"one in every {max(1, round(lines / max(comments, 1)))} lines"),
            (whole(len(files) - len(parsed)), "Not parsed", "each with its reason below"),
        ]
    )


def part_packages(files: list[File], top: int) -> str:
    """Where the lines are."""
    packages = lines_by_package(files)
    total = sum(lines for _, lines, _ in packages) or 1
    name, lines, _ = packages[0]
    caption = (
        f"Every rectangle is a folder at the top, as large as its share of the lines. “{name}” holds "
        f"{share(lines, total)}; a darker tone means longer files."
    )
    big, small = big_and_small(packages)
    by_length = sorted(lines / amount for _, lines, amount in big)
    tiles = [
        Tile(name, lines, counted(lines, "line"), by_length.index(lines / amount) / len(big))
        for name, lines, amount in big
    ]
    if sum(lines for _, lines, _ in small):
        tiles.append(Tile(f"{len(small)} more", sum(lines for _, lines, _ in small), "each of them small", 0))
    longest = [
        Bar(name, lines, f"{counted(amount, 'file')}, {share(lines, total)} of the lines")
        for name, lines, amount in packages[: min(top, 8)]
    ]
    return page.section("Where the code is", caption, charts.tree_map(tiles), charts.bars(longest))


def part_sizes(files: list[File]) -> str:
    """How long the files are."""
    ordered = sorted((file.lines for file in files), reverse=True)
    tenth = ordered[: max(1, len(ordered) // 10)]
    caption = (
        "Files by their number of lines, each column from the number below it. The longest tenth of "
        f"them, {counted(len(tenth), 'file')}, holds {share(sum(tenth), sum(ordered))} of "
        "all lines: to know those is to know most of the code."
    )
    return page.section("How long the files are", caption, charts.columns(by_size(files)))


def part_dots(files: list[File]) -> str:
    """Length against functions."""
    parsed = [file for file in files if not file.error and file.lines]
    plain = [(float(f.lines), float(f.functions)) for f in parsed if f.functions and f.nesting < 8]
    deep = [(float(f.lines), float(f.functions)) for f in parsed if f.functions and f.nesting >= 8]
    without = sum(not file.functions for file in parsed)
    caption = (
        "Every dot is a file: its lines to the right, its functions upward, both in steps of ten. A dot far "
        "below the cloud is long and has few functions: data, or functions that grew. Warm dots nest eight "
        "blocks or more."
    )
    x = Axis("lines", max((file.lines for file in parsed), default=10) * 1.2)
    y = Axis("functions", max((file.functions for file in parsed), default=10) * 1.2)
    note = page.note(f"{counted(without, 'file')} without any function not drawn; {len(deep)} warm.")
    return page.section("Length and functions", caption, charts.dots(plain, deep, x, y), note)


def part_functions(files: list[File], top: int) -> str:
    """The longest functions."""
    longest = sorted(files, key=lambda file: (-file.longest_function_lines, file.path))[:top]
    parsed = [file.longest_function_lines for file in files if file.functions]
    caption = (
        f"The longest function of a file, the longest {len(longest)} of all. For comparison: in half of "
        f"the files that have functions, none is longer than {counted(middle(parsed), 'line')}."
    )
    bars = [
        Bar(
            name=f"{file.longest_function}()",
            value=file.longest_function_lines,
            note=f"{file.path}, line {file.longest_function_line}",
        )
        for file in longest
        if file.functions
    ]
    return page.section("The longest functions", caption, charts.bars(bars, code=True))


def part_nesting(files: list[File], top: int) -> str:
    """How deep blocks are nested."""
    parsed = [file for file in files if not file.error]
    depths = [file.nesting for file in parsed]
    deepest = sorted(parsed, key=lambda file: (-file.nesting, file.path))[: min(top, 8)]
    caption = (
        "How many blocks (class, def, if, for, with, try …) stand inside each other at the deepest place "
        f"of a file. {share(sum(depth <= 4 for depth in depths), len(depths))} of the files stay at four "
        "or less."
    )
    columns = [(str(depth), depths.count(depth)) for depth in range(max(depths, default=0) + 1)][:24]
    bars = [Bar(f.path, f.nesting, f"{counted(f.functions, 'function')}") for f in deepest]
    return page.section("The deepest nesting", caption, charts.columns(columns), charts.bars(bars, warm=True))


def part_imports(files: list[File], top: int) -> str:
    """What is imported, and by how many."""
    wanted = importers(files)
    own = own_modules(files)
    inside = [(name, count) for name, count in wanted if name in own]
    outside = [(name, count) for name, count in wanted if name not in own]
    pairs = sum(count for _, count in wanted)
    first = f"{wanted[0][0]} is wanted most, by {counted(wanted[0][1], 'file')}. " if wanted else ""
    caption = (
        f"How many files import a module, at least once. {first}The files need "
        f"{counted(len(wanted), 'different module')}; {share(sum(count for _, count in inside), pairs)} of "
        "these ties stay inside the folder, the others are met by what Python or somebody else brings."
    )
    content = [charts.bars([Bar(name, count) for name, count in inside[:top]], code=True)]
    if outside:
        content.append("<h3>From outside the folder</h3>")
        entries = [Bar(name, count) for name, count in outside[: min(top, 8)]]
        content.append(charts.bars(entries, warm=True, code=True))
    broad = max(files, key=lambda file: (len(file.imported()), file.path))
    amount = counted(len(broad.imported()), "module")
    content.append(page.note(f"The most curious file is {broad.path}: it imports {amount}."))
    return page.section("What is imported", caption, *content)


def part_errors(files: list[File]) -> str:
    """What could not be parsed."""
    broken = [file for file in files if file.error]
    if not broken:
        return page.section("What could not be parsed", "Nothing: every file was read to its end.")
    caption = (
        f"{counted(len(broken), 'file')} {'is' if len(broken) == 1 else 'are'} no Python that "
        f"{platform.python_version()} understands. Their lines are counted, their functions are not. "
        "Test data that is broken on purpose looks like this."
    )
    rows = [[(file.path, ""), (file.error, "")] for file in broken[:200]]
    table = page.table([("File", False), ("Why", False)], rows, name="Files that could not be parsed")
    return page.section("What could not be parsed", caption, table)


def part_check(found: dict[str, Any]) -> str:
    """How the numbers were checked."""
    comparisons = sum(check["compared"] for check in found["checks"])
    differences = sum(len(check["differences"]) for check in found["checks"])
    caption = (
        f"A second program that shares no counting code with the first made {whole(comparisons)} "
        f"comparisons; {counted(differences, 'difference')}."
    )
    entries = [
        (check["passed"], check["name"], f"{check['how']} {counted(check['compared'], 'comparison')}.")
        for check in found["checks"]
    ]
    return page.section("How it was checked", caption, page.checks(entries))


def part_files(files: list[File]) -> str:
    """Every file, the longest first."""
    ordered = sorted(files, key=lambda file: (-file.lines, file.path))[:LARGEST_TABLE]
    columns = [
        ("File", False), ("Lines", True), ("Functions", True), ("Classes", True), ("Longest function", True),
        ("Nesting", True), ("Imports", True), ("Comments", True),
    ]  # fmt: skip
    rows = [[(file.path, ""), *((whole(number), "") for number in counts_of(file))] for file in ordered]
    left = len(files) - len(ordered)
    caption = "The longest first. The same table, with more columns, is output/metrics.csv." + (
        f" {counted(left, 'shorter file')} are only there." if left else ""
    )
    table = page.table(columns, rows, name="Every file", searchable=True)
    return page.section("Every file", caption, table, wide=True)


def counts_of(file: File) -> tuple[int, ...]:
    """The numbers of a file in the order of the table's columns."""
    return (
        file.lines, file.functions, file.classes, file.longest_function_lines,
        file.nesting, file.imports, file.comments,
    )  # fmt: skip


def main() -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", default="")
    parser.add_argument("--top", type=int, default=12)
    options = parser.parse_args()
    top = min(max(options.top, 1), 50)
    files = read_files()
    document = page.page(
        title=os.environ.get("OPSCORE_TASK_TITLE", "").strip() or "Survey of a code base",
        kicker="Code survey",
        lede=lede(files),
        parts_html=[
            numbers(files), part_packages(files, top), part_sizes(files), part_dots(files),
            part_functions(files, top), part_nesting(files, top), part_imports(files, top),
            part_errors(files), part_check(read_check()), part_files(files),
        ],
        foot=f"Measured with Python {platform.python_version()}'s ast module"
        + (f" in {options.source}." if options.source else "."),
    )  # fmt: skip
    Path("output/report.html").write_text(document, encoding="utf-8")
    print(f"output/report.html: {counted(len(document.encode()) // 1000, 'kilobyte')}")
    return {
        "report": "output/report.html",
        "files": len(files),
        "lines": sum(file.lines for file in files),
        "unparsed": sum(bool(file.error) for file in files),
    }


if __name__ == "__main__":
    outcome.run(main)
