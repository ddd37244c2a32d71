"""Open a table that somebody uploaded, and say plainly what is wrong when it is no table.

`inspect` reads the file once from end to end: size, text, delimiter, header, and the length of every row.
What it found out is a `Format`, kept in research/format.json for the steps after it (profile_table.py,
recheck_table.py, table_report.py).  Encodings: table_text.py.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from figures import counted, whole
from outcome import BadInput
from table_text import check_text, encoding_of

KEPT = Path("research/format.json")
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
LARGEST = 100 * 1024 * 1024  # bytes
MOST_COLUMNS = 500
MOST_CELLS = 25_000_000  # numbers are kept in memory, eight bytes each
LONGEST_CELL = 1024 * 1024  # characters; a longer one is a quote that was never closed
SAMPLE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Format:
    """How the file is to be read, and what it holds; `empty_rows` are left out of `rows`."""

    path: str
    size: int
    encoding: str
    delimiter: str
    columns: list[str]
    rows: int
    empty_rows: int

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return Path(self.path).name

    def keep(self) -> None:
        """Write it down for the next steps."""
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def kept_format() -> Format:
    """What `inspect` found out in an earlier step."""
    return Format(**json.loads(KEPT.read_text(encoding="utf-8")))


def inspect(path: Path, delimiter: str = "detect", encoding: str = "detect") -> Format:
    """Read the whole file once and say how it is built.

    Raises:
        BadInput: it is no table that can be analysed; says what is wrong, where, and the cure.
    """
    check_size(path)
    codec = encoding_of(path, encoding)
    check_text(path, codec)
    csv.field_size_limit(LONGEST_CELL)
    separator = DELIMITERS.get(delimiter) or detected_delimiter(path, codec)
    columns, rows, empty_rows = check_rows(path, codec, separator)
    return Format(
        path=str(path),
        size=path.stat().st_size,
        encoding=codec,
        delimiter=separator,
        columns=columns,
        rows=rows,
        empty_rows=empty_rows,
    )


def check_size(path: Path) -> None:
    """Refuse what is no file, empty or too large."""
    if path.is_dir():
        raise BadInput(f"the table must be one file, but {path} is a folder; give a CSV or TSV file")
    if not path.is_file():
        raise BadInput(f"there is no file {path}; give a CSV or TSV file")
    size = path.stat().st_size
    if size > LARGEST:
        raise BadInput(
            f"{path.name} has {whole(size)} bytes, more than the {whole(LARGEST)} (100 MiB) that are "
            "analysed at once; give a part of it, or leave out columns"
        )
    if size == 0:
        raise BadInput(f"{path.name} is empty (0 bytes); give a table with a header and at least one row")


def detected_delimiter(path: Path, codec: str) -> str:
    """The delimiter that cuts the first lines into the most even rows; a comma if there is one column."""
    with path.open(encoding=codec, newline="") as file:
        lines = file.read(SAMPLE_BYTES).splitlines(keepends=True)
    sample = lines[:-1] or lines  # the last line may be cut in the middle
    return max(DELIMITERS.values(), key=lambda delimiter: evenness(sample, delimiter))


def evenness(lines: list[str], delimiter: str) -> tuple[float, int]:
    """(share of rows as long as the header, columns); nothing for a single column."""
    try:
        lengths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return 0, 0
    if not lengths or lengths[0] < 2:
        return 0, 0
    return lengths.count(lengths[0]) / len(lengths), lengths[0]


def numbered_rows(path: Path, codec: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Every row with the line that it begins on, from 1; lines without a cell are passed over.

    Raises:
        BadInput: quotes do not fit together.
    """
    with path.open(encoding=codec, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        begins = 1
        try:
            for row in reader:
                if len(row) > 1 or (row and row[0].strip()):
                    yield begins, row
                begins = reader.line_num + 1
        except csv.Error as problem:
            raise BadInput(
                f"{path.name} line {begins}: {said(problem)}; close every quote, and write a quote inside a "
                'quoted cell twice ("")'
            ) from None


def said(problem: csv.Error) -> str:
    """The reader's complaint in words for people."""
    words = str(problem)
    if "field larger" in words or "end of data" in words:
        return "a quoted cell is never closed"
    return "a quoted cell is followed by other text" if "expected after" in words else words


def check_rows(path: Path, codec: str, delimiter: str) -> tuple[list[str], int, int]:
    """(columns, rows, empty rows) after a look at every row."""
    rows = numbered_rows(path, codec, delimiter)
    line, header = next(rows, (1, []))
    columns = check_header(path.name, line, header)
    count = empty = ragged = 0
    first = ""
    for at, row in rows:
        if len(row) != len(columns):
            ragged += 1
            first = first or f"line {at} has {counted(len(row), 'cell')}"
        elif any(cell.strip() for cell in row):
            count += 1
        else:
            empty += 1
    if ragged:
        more = f" (and {counted(ragged - 1, 'more line')} like it)" if ragged > 1 else ""
        raise BadInput(
            f"{path.name} {first}, but the header in line {line} has {counted(len(columns), 'column')}{more}; "
            f"write cells that contain {shown(delimiter)} in quotes, or name another delimiter"
        )
    if not count:
        raise BadInput(
            f"{path.name} has a header ({counted(len(columns), 'column')} in line {line}) and no rows below it; "
            "give a table with at least one row"
        )
    if count * len(columns) > MOST_CELLS:
        raise BadInput(
            f"{path.name} has {whole(count * len(columns))} cells, more than the {whole(MOST_CELLS)} that are "
            "analysed at once; give a part of it, or leave out columns"
        )
    return columns, count, empty


def check_header(name: str, line: int, header: list[str]) -> list[str]:
    """The columns' names, stripped; each must be there and be the only one of its kind."""
    columns = [cell.strip() for cell in header]
    if not columns:
        raise BadInput(f"{name} has no header; its first line must name the columns")
    if len(columns) > MOST_COLUMNS:
        raise BadInput(f"{name} has {whole(len(columns))} columns, more than {MOST_COLUMNS}; leave some out")
    if "" in columns:
        raise BadInput(
            f"{name} line {line}: column {columns.index('') + 1} has no name; name every column in the header"
        )
    repeated = next((column for column, count in Counter(columns).items() if count > 1), None)
    if repeated is not None:
        places = [str(at) for at, column in enumerate(columns, start=1) if column == repeated]
        raise BadInput(
            f"{name} line {line}: the name “{repeated}” stands over columns {' and '.join(places)}; "
            "give each column a name of its own"
        )
    return columns


def shown(delimiter: str) -> str:
    """The delimiter's name for people."""
    names = {sign: name for name, sign in DELIMITERS.items()}
    return f"a {names[delimiter]}"
