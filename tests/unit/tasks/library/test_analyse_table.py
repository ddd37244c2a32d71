"""Analyse a table: exact results, bad input refused in one sentence, a second count that can fail."""

import csv
import json
import re
import shutil
from dataclasses import replace
from itertools import zip_longest

import pytest

SMALL = """name,born,height,code,member,score,note
Ann,1990-05-01,1.70,007,yes,10,
Bob,1985-01-31,1.80,008,no,20,"a, quoted"
Cem,,NA,010,yes,30,"two
lines"
Bob,1985-01-31,1.80,008,no,20,"a, quoted"

Dee,2000-12-24,1.60,011,No,n/a,x
"""


@pytest.fixture
def desk(desk_at, tmp_path):
    return desk_at("analyse-table", tmp_path)


@pytest.fixture(scope="module")
def template(desk_at, tmp_path_factory):
    """A workspace in which the small table was analysed, to be copied."""
    desk = desk_at("analyse-table", tmp_path_factory.mktemp("analysed"))
    analysed(desk, SMALL)
    return desk


@pytest.fixture
def small(template, tmp_path):
    """A workspace in which the small table was analysed."""
    shutil.copytree(template.root, tmp_path, dirs_exist_ok=True)
    return replace(template, root=tmp_path)


def analysed(desk, content: str | bytes, *options: str, name: str = "table.csv") -> dict:
    """The summary of a table that went through the steps up to the second count."""
    desk.put(name, content)
    desk.result("plan_table.py", f"src/input/{name}", *options)
    desk.result("profile_table.py")
    assert desk.result("recheck_table.py")["differences"] == 0
    return json.loads(desk.read("output/summary.json"))


def columns(desk) -> dict[str, dict[str, str]]:
    with (desk.root / "output/columns.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def facts(desk, name: str, *wanted: str) -> list[str]:
    return [columns(desk)[name][each] for each in wanted]


def test_every_fact_of_a_known_table_is_exact(small):
    summary = json.loads(small.read("output/summary.json"))
    assert (summary["rows"], summary["columns"], summary["missing"], summary["repeated_rows"]) == (5, 7, 4, 1)
    assert {name: row["kind"] for name, row in columns(small).items()} == {
        "name": "text", "born": "date", "height": "number", "code": "text", "member": "yes or no",
        "score": "integer", "note": "text",
    }  # fmt: skip
    assert facts(small, "score", "values", "missing", "distinct", "minimum", "maximum", "mean", "median", "sum") == [
        "4", "1", "3", "10", "30", "20.0", "20.0", "80",
    ]  # fmt: skip
    assert float(facts(small, "score", "deviation")[0]) == pytest.approx(8.1649658)
    assert facts(small, "height", "values", "minimum", "maximum") == ["4", "1.6", "1.8"]
    assert facts(small, "born", "values", "minimum", "maximum") == ["4", "1985-01-31", "2000-12-24"]
    assert facts(small, "name", "distinct", "top_value", "top_count") == ["4", "Bob", "2"]
    assert facts(small, "note", "values", "missing", "distinct") == ["4", "1", "3"]


KINDS = (  # values, and how they are understood: kind, format, minimum
    (["1", "-2", "+3"], "integer", "", "-2"),
    (["1", "2.5", ".5", "1e3"], "number", "", "0.5"),
    (["1,234.5", "12"], "number", "1,234.5", "12.0"),
    (["1.234,5", "12"], "number", "1.234,5", "12.0"),
    (["0,5", "1,25"], "number", "1.234,5", "0.5"),
    (["00123", "00456"], "text", "", ""),
    (["12345678901234567890"], "text", "", ""),
    (["0", "1", "1"], "integer", "", "0"),
    (["true", "FALSE"], "yes or no", "", ""),
    (["2026-01-31 10:00", "2025-12-01 09:30"], "date", "ISO8601", "2025-12-01 09:30:00"),
    (["2026-01-31T10:00:00Z", "2026-01-31T10:00:00+02:00"], "date", "ISO8601", "2026-01-31 08:00:00"),
    (["31.01.2026", "01.12.2025"], "date", "%d.%m.%Y", "2025-12-01"),
    (["01/31/2026", "12/01/2025"], "date", "%m/%d/%Y", "2025-12-01"),
    (["31/01/2026", "01/12/2025"], "date", "%d/%m/%Y", "2025-12-01"),
    (["1800-01-01", "2300-01-01"], "date", "ISO8601", "1800-01-01"),
    (["2026-02-30", "2026-01-01"], "text", "", ""),
    (["-3.61", "1-2-3"], "text", "", ""),
    (["1", "zwei"], "text", "", ""),
    (["NA", "null"], "empty", "", ""),
)


def test_each_column_is_of_the_kind_that_fits_all_its_values(desk):
    rows = zip_longest(*(values for values, *_ in KINDS), fillvalue="")
    header = ";".join(f"c{at}" for at in range(len(KINDS)))
    analysed(desk, header + "\n" + "".join(";".join(row) + "\n" for row in rows))
    found = [(row["kind"], row["format"], row["minimum"]) for row in columns(desk).values()]
    assert found == [(kind, layout, minimum) for _, kind, layout, minimum in KINDS]


@pytest.mark.parametrize(
    ("content", "options", "encoding", "delimiter"),
    [
        ("a,b\n1,ä\n".encode(), [], "utf-8", ","),
        ("a,b\n1,ä\n".encode("utf-8-sig"), [], "utf-8-sig", ","),
        ("a\tb\n1\tä\n".encode("utf-16"), [], "utf-16", "\t"),
        ("a;b\n1;ä\n".encode("cp1252"), ["--encoding=windows-1252"], "windows-1252", ";"),
        (b"a|b\r\n1|2,5\r\n", [], "utf-8", "|"),
        (b'a;b\n"x, y, z";1,5\n"p, q, r";2,5\n', [], "utf-8", ";"),
        (b"a,b;c,d\n1,2;3,4\n", ["--delimiter=semicolon"], "utf-8", ";"),
        (b"only\n1\n2\n", [], "utf-8", ","),
    ],
)
def test_encoding_and_delimiter_are_found_out(desk, content, options, encoding, delimiter):
    summary = analysed(desk, content, *options)
    assert (summary["encoding"], summary["delimiter"]) == (encoding, delimiter)
    assert summary["columns"] == (1 if content.startswith(b"only") else 2)


@pytest.mark.parametrize(
    ("content", "options", "parts"),
    [
        (b"", [], ["table.csv is empty (0 bytes)", "header and at least one row"]),
        (b"a,b\n", [], ["has a header (2 columns in line 1) and no rows below it"]),
        (b"\n\na,b\n,\n \n", [], ["in line 3) and no rows below it"]),
        (b"\n \n", [], ["has no header"]),
        (b"a,b\n1,2\n1,2,3\n1\n", [], ["line 3 has 3 cells", "line 1 has 2 columns (and 1 more line", "quotes"]),
        (b'a,b\n"x\ny",2\n1\n', [], ["line 4 has 1 cell,"]),
        (b"a,b,a\n1,2,3\n", [], ["line 1: the name “a” stands over columns 1 and 3", "a name of its own"]),
        (b"a,,c\n1,2,3\n", [], ["line 1: column 2 has no name"]),
        (b'a,b\n1,"never closed\n2,3\n', [], ["line 2: a quoted cell is never closed"]),
        (b'a,b\n"x"y,2\n', [], ["line 2: a quoted cell is followed by other text"]),
        (b"a,b\n1,2\n3,\xe9\n", [], ["line 3 is not UTF-8: byte 0xE9", "windows-1252"]),
        (b"a,b\n1,\x81\n", ["--encoding=windows-1252"], ["line 2 is not WINDOWS-1252: byte 0x81"]),
        (b"a,b\n1,2\n3,4\xc3", [], ["line 3: the file ends in the middle of a character"]),
        (b"a,b\n1,\0\0\n", [], ["is binary, not text (a zero byte in line 2)"]),
        (bytes(range(256)) * 40, [], ["is binary, not text"]),
        ("a,b\n1,2\n".encode("utf-16-le"), [], ["is binary, not text"]),
        (b"PK\x03\x04rest", [], ["Excel workbook", "Save as: CSV UTF-8"]),
        (b"\x1f\x8brest", [], ["gzip", "unpack it first"]),
        (",".join(f"c{i}" for i in range(501)).encode() + b"\n", [], ["501 columns, more than 500"]),
    ],
)
def test_bad_input_is_refused_with_what_where_and_the_cure(desk, content, options, parts):
    desk.put("table.csv", content)
    sentence = desk.refusal("plan_table.py", "src/input/table.csv", *options)
    for part in parts:
        assert part in sentence
    assert not (desk.root / "output/plan.md").exists()


def test_a_folder_and_a_missing_file_are_refused(desk):
    assert "must be one file, but src/input is a folder" in desk.refusal("plan_table.py", "src/input")
    assert "there is no file src/input/gone.csv" in desk.refusal("plan_table.py", "src/input/gone.csv")


def test_a_file_of_200_mb_is_refused_without_being_read(desk):
    with desk.put("table.csv", "a,b\n1,2\n").open("r+b") as file:
        file.truncate(200 * 1000 * 1000)
    sentence = desk.refusal("plan_table.py", "src/input/table.csv")
    assert "200,000,000 bytes, more than the 104,857,600 (100 MiB)" in sentence


def test_oddities_are_told(desk):
    lines = [f"{100 + row},{'?' if row == 7 else row / 2},same,{row % 12 + 1:02}/03/2026," for row in range(40)]
    summary = analysed(desk, "id,almost,constant,when,nothing\n" + "\n".join(lines))
    told = {(note["column"], note["note"]) for note in summary["notes"]}
    assert told == {
        ("id", "is different in every row, as an identifier is"),
        ("almost", "would be of the kind number, were it not for “?” in row 8"),
        ("constant", "always has the same value"),
        ("when", "day and month could be the other way round; read as day first"),
        ("nothing", "has no value at all"),
    }


def test_columns_that_move_together_are_named_first(desk):
    lines = [f"{row % 10},{(row % 10) * -2.5},{row * 7 % 11}" for row in range(30)]
    pairs = analysed(desk, "up,down,noise\n" + "\n".join(lines))["correlations"]
    assert [pairs[0][key] for key in ("one", "other", "r", "rows")] == ["up", "down", -1.0, 30]
    assert abs(pairs[1]["r"]) < 0.3


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("name", "values", "4"),
        ("name", "top_count", "3"),
        ("born", "maximum", "2001-12-24"),
        ("height", "missing", "0"),
        ("score", "mean", "20.001"),
        ("score", "median", "21"),
        ("score", "minimum", ""),
        ("score", "maximum", "31"),
        ("note", "kind", "number"),
    ],
)
def test_the_recheck_refuses_wrong_results(small, column, cell, value):
    table = columns(small)
    table[column][cell] = value
    with (small.root / "output/columns.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[column]))
        writer.writeheader()
        writer.writerows(table.values())
    sentence = small.refusal("recheck_table.py")
    assert "do not agree with the recount" in sentence
    assert column in sentence
    assert '"passed": false' in small.read("output/check.json")


def test_the_recheck_refuses_a_missing_row(small):
    small.put("table.csv", SMALL.replace("Ann,", "Ann,", 1) + "Eve,,,,,,\n")
    assert "rows: the table says 5, the recount 6" in small.refusal("recheck_table.py")


def test_the_report_stands_alone_and_is_complete_without_scripts(small):
    small.result("table_report.py", title="People we know")
    page = small.read("output/report.html")
    assert not re.search(r"(?:src|href)=|url\(|@import|https?:", page)
    assert "<h1>People we know</h1>" in page
    assert page.count('<article class="card">') == 7
    for word in ("table.csv has 5 rows", "a, quoted", "Most frequent values.", "prefers-color-scheme: dark"):
        assert word in page


def test_cells_and_headers_cannot_write_into_the_report(desk):
    analysed(desk, "<script>alert(1)</script>,b\n<img src=x onerror=alert(2)>,&lt;\n", name="<i>.csv")
    desk.result("table_report.py", title="</title><script>alert(3)</script>")
    page = desk.read("output/report.html")
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert "<i>.csv" not in page


def test_the_same_table_gives_the_same_bytes(desk):
    seen = []
    for _ in range(2):
        analysed(desk, SMALL)
        desk.result("table_report.py")
        desk.result("table_picture.py", title="Costs $5 and $6")
        names = ("plan.md", "columns.csv", "summary.json", "check.json", "report.html", "overview.png")
        seen.append([(desk.root / "output" / name).read_bytes() for name in names])
    assert seen[0] == seen[1]
    assert seen[0][-1].startswith(b"\x89PNG")


def test_a_table_of_one_empty_looking_column_has_a_picture_and_a_report(desk):
    analysed(desk, "a,b\nNA,1\n")
    desk.result("table_picture.py")
    desk.result("table_report.py")
    assert "Of its 2 columns, 1 holds nothing and 1 whole numbers." in desk.read("output/report.html")
