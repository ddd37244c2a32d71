"""Read the table once, find out how it is built, and write down what will be done: output/plan.md.

Usage: plan_table.py FILE [--delimiter NAME] [--encoding NAME].  All that can be wrong with a file is found
here (table_file.py).  Next: profile_table.py.
Result: rows, columns, encoding, delimiter, empty_rows, bytes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import outcome
from figures import counted, size
from table_file import DELIMITERS, Format, inspect, shown
from table_text import named

PLAN = """# Plan

**What was given.** `{name}`: {rows} in {columns}, {size}. It is {encoding} text, its cells are separated by {delimiter}.{empty}

| # | column |
| ---: | --- |
{names}

## What will be found out

- **For each column:** its kind (integer, number, date, yes or no, text), how many values it has and how many are
  missing, how many are different; for numbers and dates the range, middle and spread; for text the most frequent.
- **For the table:** repeated rows, what is missing where, which numbers move together (Pearson's correlation).
- **What deserves a look:** columns that are almost numbers or dates, constant columns, far outliers.

Counted as missing: empty cells and `NA`, `N/A`, `#N/A`, `NaN`, `null`, `none`, `<NA>`, `-` in any case.

## How

1. **Design:** this plan, after reading every row once.
2. **Build:** `output/columns.csv` and `output/summary.json`, with pandas.
3. **Test:** read the file again without pandas, count again, compare; `output/check.json`. A difference stops the task.
4. **Review:** draw `output/overview.png` and write `output/report.html`.
"""  # noqa: E501


def plan_of(table: Format) -> str:
    """The plan in Markdown."""
    names = [name.replace("|", "\\|") for name in table.columns]
    empty = f" {counted(table.empty_rows, 'row')} without any value will be left out." if table.empty_rows else ""
    return PLAN.format(
        name=table.name,
        rows=counted(table.rows, "row"),
        columns=counted(len(table.columns), "column"),
        size=size(table.size),
        encoding=named(table.encoding),
        delimiter=shown(table.delimiter),
        empty=empty,
        names="\n".join(f"| {position} | {name} |" for position, name in enumerate(names, start=1)),
    )


def main() -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--delimiter", default="detect", choices=["detect", *DELIMITERS])
    parser.add_argument("--encoding", default="detect")
    options = parser.parse_args()
    table = inspect(options.file, options.delimiter, options.encoding)
    table.keep()
    Path("output").mkdir(exist_ok=True)
    Path("output/plan.md").write_text(plan_of(table), encoding="utf-8")
    print(f"{table.name}: {counted(table.rows, 'row')}, {counted(len(table.columns), 'column')}: output/plan.md")
    return {
        "rows": table.rows,
        "columns": len(table.columns),
        "encoding": table.encoding,
        "delimiter": table.delimiter,
        "empty_rows": table.empty_rows,
        "bytes": table.size,
    }


if __name__ == "__main__":
    outcome.run(main)
