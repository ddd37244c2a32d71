"""Read the table again without pandas, count again, and compare with output/columns.csv: output/check.json.

Usage: recheck_table.py.  Shares no counting code with profile_table.py: rows come from the csv module, numbers
are summed exactly (math.fsum), dates are read by datetime.  Any difference ends the step with exit code 1.
Result: checks, comparisons, differences.
"""

from __future__ import annotations

import csv
import json
import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import outcome

Facts = dict[str, str]

NOTHING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "<na>", "-"}
ROWS_BETWEEN_NEWS = 200_000
LONGEST_CELL = 1024 * 1024
LONGEST_TEXT = 200


@dataclass
class Recount:
    """What was found in one column by reading it again."""

    facts: Facts
    values: int = 0
    unread: int = 0
    numbers: array[float] = field(default_factory=lambda: array("d"))
    top_count: int = 0

    def add(self, cell: str) -> None:
        """Take in a value."""
        self.values += 1
        self.top_count += cell[:LONGEST_TEXT] == self.facts["top_value"]
        if self.facts["kind"] in {"integer", "number", "date"}:
            try:
                self.numbers.append(number_in(cell, self.facts["kind"], self.facts["format"]))
            except ValueError:
                self.unread += 1


def number_in(cell: str, kind: str, layout: str) -> float:
    """The cell as a number; a date as seconds since 1970.

    Raises:
        ValueError: it does not fit the column's kind.
    """
    if kind == "date":
        when = datetime.fromisoformat(cell) if layout == "ISO8601" else datetime.strptime(cell, layout)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    if layout == "1.234,5":
        cell = cell.replace(".", "").replace(",", ".")
    elif layout == "1,234.5":
        cell = cell.replace(",", "")
    return float(int(cell)) if kind == "integer" else float(cell)


def rows_of(form: dict[str, Any]) -> Iterator[list[str]]:
    """The rows below the header that hold anything."""
    csv.field_size_limit(LONGEST_CELL)
    with Path(form["path"]).open(encoding=form["encoding"], newline="") as file:
        reader = csv.reader(file, delimiter=form["delimiter"])
        filled = (cells for row in reader if any(cells := [cell.strip() for cell in row]))
        next(filled)
        yield from filled


def recount(form: dict[str, Any], table: list[Facts]) -> tuple[int, list[Recount]]:
    """(rows, what each column holds) by reading the file again."""
    columns = [Recount(facts) for facts in table]
    rows = 0
    for row in rows_of(form):
        rows += 1
        for column, cell in zip(columns, row, strict=True):
            if cell.lower() not in NOTHING:
                column.add(cell)
        if rows % ROWS_BETWEEN_NEWS == 0:
            print(f"{rows:,} rows counted again", flush=True)
    return rows, columns


class Check:
    """One thing that must agree; `differences` are sentences."""

    def __init__(self, name: str, how: str) -> None:
        self.name, self.how = name, how
        self.compared = 0
        self.differences: list[str] = []

    def equal(self, where: str, table: str | float, again: float) -> None:
        """Compare a number of the table with the one counted again; floats up to rounding."""
        self.compared += 1
        if table == "" or not math.isclose(float(table), again, rel_tol=1e-9, abs_tol=1e-9):
            self.differences.append(f"{where}: the table says {table or 'nothing'}, the recount {again}")

    def summary(self) -> dict[str, Any]:
        """What the report shows of it; at most twenty differences."""
        return {
            "name": self.name,
            "how": self.how,
            "passed": not self.differences,
            "compared": self.compared,
            "differences": self.differences[:20],
        }


def check_rows(summary: dict[str, Any], form: dict[str, Any], rows: int) -> Check:
    """Rows and columns."""
    check = Check("Rows and columns.", "Counted again with another reader of tables.")
    check.equal("rows", summary["rows"], rows)
    check.equal("columns", summary["columns"], len(form["columns"]))
    return check


def check_values(columns: list[Recount], rows: int) -> Check:
    """Values and missing ones in each column."""
    check = Check("Values and missing values.", "Counted again in every column.")
    for column in columns:
        name = column.facts["name"]
        check.equal(f"values of {name}", column.facts["values"], column.values)
        check.equal(f"missing in {name}", column.facts["missing"], rows - column.values)
        check.equal(f"values of {name} that do not fit its kind", 0, column.unread)
    return check


def check_numbers(columns: list[Recount]) -> Check:
    """Sum, mean, range and middle of each column of numbers."""
    check = Check("Sums, means, ranges and middles.", "Summed again exactly, sorted again, in every column of numbers.")
    for column in columns:
        if not column.numbers or column.facts["kind"] == "date":
            continue
        name, total = column.facts["name"], math.fsum(column.numbers)
        again = {
            "minimum": min(column.numbers),
            "maximum": max(column.numbers),
            "mean": total / len(column.numbers),
            "median": median(column.numbers),
        }
        for measure, value in again.items():
            check.equal(f"{measure} of {name}", column.facts[measure], value)
    return check


def check_dates(columns: list[Recount]) -> Check:
    """First and last of each column of dates."""
    check = Check("First and last dates.", "Read again with another reader of dates.")
    for column in columns:
        if column.facts["kind"] == "date" and column.numbers:
            for measure, value in (("minimum", min(column.numbers)), ("maximum", max(column.numbers))):
                table = datetime.fromisoformat(column.facts[measure]).replace(tzinfo=UTC).timestamp()
                check.equal(f"{measure} of {column.facts['name']}", table, round(value))
    return check


def check_top(columns: list[Recount]) -> Check:
    """How often the most frequent text of a column stands there."""
    check = Check("Most frequent values.", "Counted again in every column of text.")
    for column in columns:
        if column.facts["top_value"] and column.facts["distinct"].isdigit():
            name = column.facts["name"]
            check.equal(f"most frequent value of {name}", column.facts["top_count"], column.top_count)
    return check


def read_json(path: str) -> dict[str, Any]:
    """A JSON object of an earlier step."""
    found: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return found


def main() -> dict[str, Any]:
    form, summary = read_json("research/format.json"), read_json("output/summary.json")
    with Path("output/columns.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    if [facts["name"] for facts in table] != form["columns"]:
        raise outcome.BadInput("output/columns.csv does not have one row for every column of the table")
    rows, columns = recount(form, table)
    checks = [
        check_rows(summary, form, rows),
        check_values(columns, rows),
        check_numbers(columns),
        check_dates(columns),
        check_top(columns),
    ]
    made = [check for check in checks if check.compared]
    wrong = [sentence for check in made for sentence in check.differences]
    result = {"passed": not wrong, "rows": rows, "checks": [check.summary() for check in made]}
    text = json.dumps(result, indent=1, ensure_ascii=False)
    Path("output/check.json").write_text(text + "\n", encoding="utf-8")
    for check in made:
        print(f"{'differs' if check.differences else 'agrees'}: {check.name} {check.how}", flush=True)
    if wrong:
        raise outcome.BadInput(f"the results do not agree with the recount, {len(wrong)} times; {wrong[0]}")
    comparisons = sum(check.compared for check in made)
    return {"checks": len(made), "comparisons": comparisons, "differences": 0}


if __name__ == "__main__":
    outcome.run(main)
