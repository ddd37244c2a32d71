"""Write what the table holds as one page that can be read anywhere: output/report.html.

Usage: table_report.py.  The numbers: output/columns.csv, summary.json and check.json.  The look: page.py.
The title is the task's (environment variable OPSCORE_TASK_TITLE).
Result: report, rows, columns.
"""

from __future__ import annotations

import csv
import itertools
import json
import os
from pathlib import Path
from typing import Any

import charts
import outcome
import page
from charts import Bar
from figures import counted, share, short, size, whole
from table_file import kept_format, numbered_rows, shown
from table_text import named

Facts = dict[str, str]

FIRST_ROWS = 8
MOST_CARDS = 80
MOST_IN_HEAT = 12
HOLDS = {
    "date": "dates", "empty": "nothing", "integer": "whole numbers", "number": "numbers", "text": "text",
    "yes or no": "yes or no",
}  # fmt: skip
LONGEST_SHOWN = 60  # characters of a cell


def lede(summary: dict[str, Any], facts: list[Facts]) -> str:
    """The table in two sentences."""
    by_count = sorted(summary["kinds"].items(), key=lambda entry: (-entry[1], entry[0]))
    kinds = [f"{whole(count)} {HOLDS[kind]}" for kind, count in by_count]
    first = kinds[0].replace(" ", " hold " if by_count[0][1] > 1 else " holds ", 1)
    listed = ", ".join([first, *kinds[1:-1]]) + (f" and {kinds[-1]}" if len(kinds) > 1 else "")
    cells = summary["rows"] * summary["columns"]
    complete = sum(fact["missing"] == "0" for fact in facts)
    gaps = (
        f"{share(summary['missing'], cells)} of the cells are empty; {whole(complete)} of "
        f"{counted(len(facts), 'column')} {'is' if complete == 1 else 'are'} complete."
        if summary["missing"]
        else "No cell is empty."
    )
    columns = counted(summary["columns"], "column")
    return f"{summary['file']} has {counted(summary['rows'], 'row')}. Of its {columns}, {listed}. {gaps}"


def numbers(summary: dict[str, Any]) -> str:
    """The headline figures."""
    cells = summary["rows"] * summary["columns"]
    named_as = f"{named(summary['encoding'])}, separated by {shown(summary['delimiter'])}"
    empty = f", and {whole(summary['empty_rows'])} empty" if summary["empty_rows"] else ""
    return page.headlines(
        [
            (whole(summary["rows"]), "Rows", f"below the header{empty}"),
            (whole(summary["columns"]), "Columns", f"{whole(cells)} cells in all"),
            (share(summary["missing"], cells), "Missing", f"{whole(summary['missing'])} of the cells"),
            (whole(summary["repeated_rows"]), "Repeated rows", "the same in every cell as one before"),
            (size(summary["bytes"]), "Size", named_as),
        ]
    )


def part_notes(summary: dict[str, Any]) -> str:
    """What deserves a look before the table is used."""
    if not summary["notes"]:
        return page.section("Worth a look", "Nothing stands out: no odd values, no empty or constant columns.")
    caption = "What somebody should know before working with this table. Nothing was changed in it."
    entries = [(False, note["column"], note["note"] + ".") for note in summary["notes"][:30]]
    rest = len(summary["notes"]) - len(entries)
    more = page.note(f"{counted(rest, 'more remark')} in output/summary.json.") if rest else ""
    return page.section("Worth a look", caption, page.checks(entries), more)


def part_missing(summary: dict[str, Any], facts: list[Facts]) -> str:
    """Where values are missing."""
    gaps = sorted((fact for fact in facts if fact["missing"] != "0"), key=lambda fact: -int(fact["missing"]))
    if not gaps:
        return page.section("What is missing", "Nothing: every row has a value in every column.")
    caption = (
        f"{counted(len(gaps), 'column')} with gaps, the largest first. A bar as long as its track would be a "
        "column without any value."
    )
    shown_gaps = gaps[:20]
    bars = [
        Bar(fact["name"], int(fact["missing"]), shown=share(int(fact["missing"]), summary["rows"]))
        for fact in shown_gaps
    ]
    return page.section("What is missing", caption, charts.bars(bars, warm=True, whole=summary["rows"]))


def part_correlations(summary: dict[str, Any]) -> str:
    """Which numbers move together."""
    pairs = summary["correlations"]
    if not pairs:
        return ""
    first = pairs[0]
    way = "rises" if first["r"] > 0 else "falls"
    strength = "Hardly any two do." if abs(first["r"]) < 0.3 else (
        f"The closest pair: when {first['one']} rises, {first['other']} {way} (r = {first['r']:.2f})."
    )  # fmt: skip
    caption = (
        "Pearson's r of every two columns of numbers: 1 means that they rise together on a straight line, −1 that "
        f"one falls as the other rises, 0 that there is no line. {strength} That says nothing about causes."
    )
    names = list(dict.fromkeys(itertools.chain.from_iterable((pair["one"], pair["other"]) for pair in pairs)))
    names = names[:MOST_IN_HEAT]
    by_pair = {frozenset((pair["one"], pair["other"])): pair["r"] for pair in pairs}
    square = [[1.0 if a == b else by_pair.get(frozenset((a, b))) for b in names] for a in names]
    return page.section("What moves together", caption, charts.heat(names, square))


def part_columns(summary: dict[str, Any], facts: list[Facts]) -> str:
    """A card for every column."""
    cards = [card(fact, summary["details"][fact["name"]]) for fact in facts[:MOST_CARDS]]
    rest = len(facts) - len(cards)
    caption = (
        "In the order of the table. Numbers and dates are drawn from their smallest to their largest value in "
        "steps of equal width; of text and of yes and no the most frequent values are listed."
    ) + (f" {counted(rest, 'further column')} in output/columns.csv." if rest else "")
    return page.section("Column by column", caption, f'<div class="cards">{"".join(cards)}</div>', wide=True)


def card(fact: Facts, details: dict[str, Any]) -> str:
    """One column: its name, kind, picture and facts."""
    picture = ""
    if "counts" in details:
        low, high = (end if isinstance(end, str) else short(end) for end in (details["low"], details["high"]))
        picture = charts.histogram(details["counts"], low, high)
    elif details["top"] and int(details["top"][0][1]) > int(fact["values"]) // 100 + 1:
        picture = charts.bars([Bar(clipped(text), count) for text, count in details["top"][:6]])
    elif details["top"]:
        examples = "; ".join(clipped(text) for text, _ in details["top"][:3])
        picture = page.note(f"All or nearly all different, for example: {examples}")
    layout = f", {fact['format']}" if fact["format"] not in {"", "ISO8601"} else ""
    facts = "".join(f"<dt>{page.text(name)}</dt><dd>{page.text(value)}</dd>" for name, value in told(fact))
    return (
        f'<article class="card"><h3>{page.text(fact["name"])}</h3>'
        f'<p class="kind">{page.text(fact["kind"] + layout)}</p>{picture}<dl class="facts">{facts}</dl></article>'
    )


def told(fact: Facts) -> list[tuple[str, str]]:
    """The facts of a column that its picture does not show."""
    lines = [("Values", whole(int(fact["values"]))), ("Missing", whole(int(fact["missing"])))]
    lines.append(("Different", fact["distinct"] if "+" in fact["distinct"] else whole(int(fact["distinct"]))))
    for name, key in (("Mean", "mean"), ("Median", "median"), ("Standard deviation", "deviation")):
        if fact[key]:
            lines.append((name, fact[key] if fact["kind"] == "date" else short(float(fact[key]))))
    if fact["outliers"] not in {"", "0"}:
        lines.append(("Far outside", whole(int(fact["outliers"]))))
    return lines


def clipped(text: str) -> str:
    """The text, cut where it would be too long to look at."""
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def part_rows(facts: list[Facts]) -> str:
    """The first rows as they stand in the file."""
    table = kept_format()
    rows = numbered_rows(Path(table.path), table.encoding, table.delimiter)
    filled = (row for _, row in itertools.islice(rows, 1, None) if any(cell.strip() for cell in row))
    first = [[(clipped(cell), "") for cell in row] for row in itertools.islice(filled, FIRST_ROWS)]
    columns = [(fact["name"], fact["kind"] in {"integer", "number"}) for fact in facts]
    caption = "As they stand in the file, so that the names above have faces."
    return page.section("The first rows", caption, page.table(columns, first, name="The first rows"), wide=True)


def part_check(found: dict[str, Any]) -> str:
    """How the numbers were checked."""
    comparisons = sum(check["compared"] for check in found["checks"])
    caption = f"A second program read the file again without pandas and made {counted(comparisons, 'comparison')}."
    entries = [
        (check["passed"], check["name"], f"{check['how']} {counted(check['compared'], 'comparison')}.")
        for check in found["checks"]
    ]
    return page.section("How it was checked", caption, page.checks(entries))


def main() -> dict[str, Any]:
    summary = json.loads(Path("output/summary.json").read_text(encoding="utf-8"))
    found = json.loads(Path("output/check.json").read_text(encoding="utf-8"))
    with Path("output/columns.csv").open(encoding="utf-8", newline="") as file:
        facts = list(csv.DictReader(file))
    document = page.page(
        title=os.environ.get("OPSCORE_TASK_TITLE", "").strip() or "Analysis of a table",
        kicker="Table analysis",
        lede=lede(summary, facts),
        parts_html=[
            numbers(summary), part_notes(summary), part_columns(summary, facts), part_missing(summary, facts),
            part_correlations(summary), part_rows(facts), part_check(found),
        ],
        foot=f"Made from {summary['file']}. Counted as missing: empty cells and NA, N/A, #N/A, NaN, null, none, "
        "<NA>, - in any case.",
    )  # fmt: skip
    Path("output/report.html").write_text(document, encoding="utf-8")
    print(f"output/report.html: {counted(len(document.encode()) // 1000, 'kilobyte')}")
    return {"report": "output/report.html", "rows": summary["rows"], "columns": summary["columns"]}


if __name__ == "__main__":
    outcome.run(main)
