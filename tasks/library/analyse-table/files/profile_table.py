"""Find out what each column holds and how columns belong together: output/columns.csv, output/summary.json.

Usage: profile_table.py.  Reads what plan_table.py found out, and the file twice, a piece at a time: once to
know the kinds (kinds.py), once to count (column_facts.py).  Checked by recheck_table.py.
Result: rows, columns, missing, repeated_rows, kinds, correlations, notes.
"""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Read when numpy is imported: more threads cost address space and win nothing here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import outcome
import pandas as pd
from column_facts import Column, strongest_correlations
from figures import counted, whole
from kinds import MISSING, Guess, Reading
from table_file import Format, kept_format

CELLS_AT_ONCE = 400_000
FACTS = (
    "position", "name", "kind", "format", "values", "missing", "distinct", "minimum", "maximum", "mean",
    "median", "deviation", "quarter", "three_quarters", "sum", "zeros", "outliers", "top_value", "top_count",
)  # fmt: skip


def pieces(table: Format) -> Iterator[pd.DataFrame]:
    """The rows as texts without blanks around them, a piece at a time; the index counts the rows from 0."""
    reader = pd.read_csv(
        table.path,
        sep=table.delimiter,
        encoding=table.encoding,
        dtype="str",
        header=0,
        names=table.columns,
        index_col=False,
        keep_default_na=False,
        na_filter=False,
        skip_blank_lines=False,
        chunksize=max(1, CELLS_AT_ONCE // len(table.columns)),
    )
    begins = 0
    for piece in reader:
        texts = piece.fillna("").apply(lambda column: column.str.strip())
        texts = texts[(texts != "").any(axis=1)]
        texts.index = pd.RangeIndex(begins, begins + len(texts))
        begins += len(texts)
        yield texts


def present(texts: pd.Series) -> pd.Series:
    """The texts of a column that are values, not signs for a missing one."""
    return texts[~texts.str.lower().isin(MISSING)]


def learn_kinds(table: Format) -> dict[str, Guess]:
    """What kind of values each column holds, after all of its values."""
    guesses = {name: Guess() for name in table.columns}
    for piece in pieces(table):
        for name, guess in guesses.items():
            guess.learn(present(piece[name]))
        print(f"kinds: {whole(piece.index[-1] + 1 if len(piece) else 0)} of {counted(table.rows, 'row')}", flush=True)
    return guesses


def count_values(table: Format, readings: dict[str, Reading]) -> tuple[list[Column], int]:
    """(the columns with all that was counted, rows that repeat an earlier one)."""
    columns = [Column(name, readings[name], table.rows) for name in table.columns]
    hashes = np.empty(table.rows, dtype="uint64")
    for piece in pieces(table):
        rows = slice(int(piece.index[0]), int(piece.index[-1]) + 1) if len(piece) else slice(0)
        hashes[rows] = pd.util.hash_pandas_object(piece, index=False, categorize=False).to_numpy()
        for column in columns:
            column.add(present(piece[column.name]), rows.start)
        print(f"values: {whole(rows.stop)} of {counted(table.rows, 'row')}", flush=True)
    return columns, table.rows - len(np.unique(hashes))


def write_columns(columns: list[dict[str, Any]]) -> None:
    """output/columns.csv, a row a column of the table."""
    with Path("output/columns.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FACTS, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(columns)


def notes_on(facts: list[dict[str, Any]], doubts: dict[str, str], rows: int) -> list[dict[str, str]]:
    """What deserves a look, column by column: name and sentence."""
    found = []
    for fact in facts:
        sentences = [doubts[fact["name"]]]
        if not fact["values"]:
            sentences.append("has no value at all")
        elif fact["missing"] > rows / 2:
            sentences.append("is missing in more than half of the rows")
        if fact["distinct"] == "1" and fact["values"] > 1:
            sentences.append("always has the same value")
        names_rows = fact["distinct"] == str(rows) and rows > 1 and fact["kind"] in {"text", "integer"}
        if names_rows and not doubts[fact["name"]]:
            sentences.append("is different in every row, as an identifier is")
        if fact["values"] and (fact.get("outliers") or 0) > fact["values"] * 0.05:
            sentences.append(f"has {counted(fact['outliers'], 'value')} far outside the usual range")
        found.extend({"column": fact["name"], "note": sentence} for sentence in sentences if sentence)
    return found


def main() -> dict[str, Any]:
    table = kept_format()
    guesses = learn_kinds(table)
    readings = {name: guess.reading() for name, guess in guesses.items()}
    columns, repeated = count_values(table, readings)
    facts = [column.facts() | {"position": at} for at, column in enumerate(columns, start=1)]
    doubts = {name: guess.doubt() for name, guess in guesses.items()}
    correlations = strongest_correlations(columns)
    summary = {
        "file": table.name,
        "encoding": table.encoding,
        "delimiter": table.delimiter,
        "bytes": table.size,
        "rows": table.rows,
        "columns": len(columns),
        "empty_rows": table.empty_rows,
        "repeated_rows": repeated,
        "missing": sum(fact["missing"] for fact in facts),
        "kinds": dict(sorted(Counter(fact["kind"] for fact in facts).items())),
        "correlations": correlations,
        "notes": notes_on(facts, doubts, table.rows),
        "details": {column.name: column.details() for column in columns},
    }
    Path("output").mkdir(exist_ok=True)
    write_columns(facts)
    text = json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False)
    Path("output/summary.json").write_text(text + "\n", encoding="utf-8")
    return {
        **{name: summary[name] for name in ("rows", "columns", "missing", "repeated_rows", "kinds")},
        "correlations": len(correlations),
        "notes": len(summary["notes"]),
    }


if __name__ == "__main__":
    outcome.run(main)
