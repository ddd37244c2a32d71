"""Count everything again by other means and compare it with output/metrics.csv: output/check.json.

Usage: recount.py ROOT.  Shares no counting code with measure.py, on purpose: it walks with `scandir`,
counts lines in bytes, asks the compiler's symbol table for functions and classes, and reads comments
and indentation from the tokenizer.  Any difference ends the step with exit code 1.
Result: checks, compared_files, tokenized_files, differences.
"""

from __future__ import annotations

import argparse
import ast
import csv
import io
import json
import os
import re
import symtable
import tokenize
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import outcome

Row = dict[str, str]

INSTALLED = ("/site-packages/", "/dist-packages/", "/__pycache__/")
COMPREHENSIONS = frozenset({"listcomp", "setcomp", "dictcomp", "genexpr"})
BLANK = re.compile(rb"[ \t\f\v]*")
NOT_PARSED = (SyntaxError, ValueError, RecursionError, MemoryError)
TOKENIZED_BYTES = 2_000_000  # the tokenizer is slow: it reads a part of the files, spread over all of them
NEWS_EVERY = 400


@dataclass
class Check:
    """One thing that must agree, and where it does not: `differences` are sentences."""

    name: str
    how: str
    compared: int = 0
    differences: list[str] = field(default_factory=list)

    def equal(self, where: str, table: object, recount: object) -> None:
        """Compare one number of the table with the one counted again."""
        self.holds(table == recount, f"{where}: the table says {table}, the recount {recount}")

    def holds(self, agrees: bool, sentence: str) -> None:
        """Note a comparison, with the sentence that says what is wrong if it does not agree."""
        self.compared += 1
        if not agrees:
            self.differences.append(sentence)

    def summary(self) -> dict[str, Any]:
        """What the report shows of it; at most twenty differences."""
        return {
            "name": self.name,
            "how": self.how,
            "passed": not self.differences,
            "compared": self.compared,
            "differences": self.differences[:20],
        }


def walk(folder: str, below: str = "/") -> Iterator[tuple[str, str]]:
    """(path on disk, path in the table) of every Python file, by `scandir`."""
    with os.scandir(folder) as entries:
        for entry in entries:
            inside = below + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from walk(entry.path, inside + "/")
            elif entry.is_file(follow_symlinks=False) and is_counted(inside):
                yield entry.path, os.fsencode(inside[1:]).decode("utf-8", "backslashreplace")


def is_counted(path: str) -> bool:
    """Whether a file belongs to the survey by its path, which begins with a slash."""
    return path[-3:] == ".py" and not any(part in path for part in INSTALLED)


def count_lines(data: bytes) -> tuple[int, int]:
    """(lines, blank lines) by cutting the bytes at line ends."""
    pieces = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if pieces[-1] == b"":
        pieces.pop()
    return len(pieces), sum(BLANK.fullmatch(piece) is not None for piece in pieces)


def names_in(data: bytes, path: str) -> tuple[int, int] | None:
    """(functions, classes) of a file; None if it cannot be parsed.

    The symbol table refuses some files that parse (an unknown `__future__`): there keywords are counted.
    """
    try:
        return count_scopes(symtable.symtable(data, path, "exec"))
    except NOT_PARSED:
        return count_keywords(data) if parses(data, path) else None


def parses(data: bytes, path: str) -> bool:
    """Whether the grammar alone accepts the file."""
    try:
        compile(data, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except NOT_PARSED:
        return False
    return True


def count_keywords(data: bytes) -> tuple[int, int]:
    """(functions, classes) by the words that begin them; no name may be spelt like these."""
    words = Counter(t.string for t in tokenize.tokenize(io.BytesIO(data).readline) if t.type == tokenize.NAME)
    return words["def"], words["class"]


def count_scopes(table: symtable.SymbolTable) -> tuple[int, int]:
    """(functions, classes) in a symbol table and all below it; lambdas and comprehensions are neither."""
    functions = classes = 0
    waiting = list(table.get_children())
    while waiting:
        scope = waiting.pop()
        waiting.extend(scope.get_children())
        kind = str(getattr(scope.get_type(), "value", scope.get_type()))
        classes += kind == "class"
        functions += kind == "function" and scope.get_name() != "lambda" and not is_comprehension(scope)
    return functions, classes


def is_comprehension(scope: symtable.SymbolTable) -> bool:
    """Whether the scope is a comprehension's: its one parameter has a name that nobody can write."""
    return scope.get_name() in COMPREHENSIONS and ".0" in scope.get_identifiers()


def count_tokens(data: bytes) -> tuple[int, int]:
    """(comments, deepest indentation) by the tokenizer."""
    comments = depth = deepest = 0
    for token in tokenize.tokenize(io.BytesIO(data).readline):
        comments += token.type == tokenize.COMMENT
        depth += (token.type == tokenize.INDENT) - (token.type == tokenize.DEDENT)
        deepest = max(deepest, depth)
    return comments, deepest


def read_table(path: Path) -> list[Row]:
    """The rows of the table that is checked."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def check_rows(rows: list[Row], files: dict[str, str]) -> Check:
    """Each file has one row, each row a file."""
    check = Check("One row for every file.", "A second walk through the folder found the same paths.")
    seen = Counter(row["path"] for row in rows)
    for path in sorted(files.keys() | seen.keys()):
        check.equal(f"rows of {path}", seen[path], int(path in files))
    return check


def check_lines(rows: list[Row], files: dict[str, str]) -> Check:
    """Bytes, lines and blank lines of each file."""
    check = Check("Bytes, lines and blank lines.", "Counted again in the raw bytes of every file.")
    for row in rows:
        data = Path(files[row["path"]]).read_bytes()
        again = (len(data), *count_lines(data))
        check.equal(f"bytes, lines, blank of {row['path']}", numbers(row, "bytes", "lines", "blank"), again)
    return check


def check_names(rows: list[Row], files: dict[str, str]) -> Check:
    """Functions and classes of each file; and what has an error in the table is refused here too."""
    how = "Counted again in the compiler's symbol table of every file."
    check = Check("Functions, classes and errors.", how)
    for number, row in enumerate(rows, start=1):
        if number % NEWS_EVERY == 0:
            print(f"{number:,} of {len(rows):,} files counted again", flush=True)
        if "larger than" in row["error"]:
            continue  # it was not parsed on purpose: its lines were compared above
        again = names_in(Path(files[row["path"]]).read_bytes(), row["path"])
        refused = "refused" if again is None else "parsed"
        check.equal(row["path"], "refused" if row["error"] else "parsed", refused)
        if again and not row["error"]:
            check.equal(f"functions, classes of {row['path']}", numbers(row, "functions", "classes"), again)
    return check


def spread(rows: list[Row]) -> list[Row]:
    """Parsed files evenly spread over the table, up to the bytes that the tokenizer may take."""
    parsed = [row for row in rows if not row["error"]]
    total = sum(int(row["bytes"]) for row in parsed)
    return parsed[:: max(1, -(-total // TOKENIZED_BYTES))]


def check_tokens(rows: list[Row], files: dict[str, str]) -> Check:
    """Comments, and nesting against indentation: a block on its own line's end is not indented."""
    sample = spread(rows)
    how = f"Counted again by the tokenizer in {len(sample):,} files, spread evenly over all."
    check = Check("Comments and nesting.", how)
    for row in sample:
        comments, indents = count_tokens(Path(files[row["path"]]).read_bytes())
        check.equal(f"comments of {row['path']}", int(row["comments"]), comments)
        nesting = int(row["nesting"])
        fits = indents <= nesting <= indents + 1
        check.holds(fits, f"{row['path']}: nesting {nesting}, but {indents} levels of indentation")
    return check


def check_sense(rows: list[Row], _files: dict[str, str]) -> Check:
    """What must hold inside each row."""
    how = "No longest function without a function, no part larger than its file."
    check = Check("Every row makes sense.", how)
    for row in rows:
        if row["error"]:
            check.holds(row["functions"] == "", f"{row['path']}: an error and yet functions")
            continue
        lines, blank, longest = numbers(row, "lines", "blank", "longest_function_lines")
        functions = int(row["functions"])
        fits = blank <= lines and longest <= lines and (functions > 0) == (longest > 0)
        check.holds(fits, f"{row['path']}: {functions} functions, the longest {longest} of {lines} lines")
    return check


def numbers(row: Row, *names: str) -> tuple[int, ...]:
    """Some cells of a row as numbers; -1 where there is none."""
    return tuple(int(row[name]) if row[name].isdigit() else -1 for name in names)


def all_checks(rows: list[Row], files: dict[str, str]) -> list[Check]:
    """The checks up to the first that finds a difference: each relies on those before it."""
    steps: list[Callable[[list[Row], dict[str, str]], Check]] = [
        check_rows,
        check_lines,
        check_names,
        check_tokens,
        check_sense,
    ]
    done: list[Check] = []
    for step in steps:
        if not any(check.differences for check in done):
            done.append(step(rows, files))
    return done


def main() -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root")
    root = parser.parse_args().root
    warnings.simplefilter("ignore")
    files = {path: disk for disk, path in walk(root)}
    rows = read_table(Path("output/metrics.csv"))
    print(f"{len(files):,} files found by a second walk, {len(rows):,} rows in the table", flush=True)
    checks = all_checks(rows, files)
    wrong = [sentence for check in checks for sentence in check.differences]
    result = {"passed": not wrong, "rows": len(rows), "checks": [check.summary() for check in checks]}
    Path("output/check.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for check in checks:
        print(f"{'differs' if check.differences else 'agrees'}: {check.name} {check.how}", flush=True)
    if wrong:
        raise outcome.BadInput(f"the table does not agree with the recount, {len(wrong)} times; {wrong[0]}")
    return {"checks": len(checks), "compared_files": len(files), "differences": 0}


if __name__ == "__main__":
    outcome.run(main)
