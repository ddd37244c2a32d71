"""Survey a code base: exact numbers of a tiny one, a second count that can fail, a page that stands alone."""

import csv
import os
import re
from pathlib import Path

import pytest

EVERY_KIND = b'''"""A # in a docstring."""
import os, sys  # two modules, one statement
from .near import thing


class Outer(object):
    # a comment
    def first(self):
        text = "# no comment"
        return lambda: [x for x in text]

    async def second(self):
        if self:
            pass
        elif os:
            for _ in sys.path:
                try:
                    pass
                except (OSError, ValueError):
                    pass
        else:
            match self:
                case 1:
                    pass


@property
def third():
    def inner(): pass
    return inner
'''
EXPECTED = {
    "bytes": str(len(EVERY_KIND)), "lines": "30", "blank": "5", "comments": "2", "functions": "4", "classes": "1",
    "longest_function": "Outer.second", "longest_function_line": "12", "longest_function_lines": "13",
    "nesting": "5", "imports": "2", "modules": ".near os sys", "error": "",
}  # fmt: skip


@pytest.fixture
def desk(desk_at, tmp_path):
    return desk_at("survey-code-base", tmp_path)


@pytest.fixture
def surveyed(desk):
    """A small code base that was measured."""
    desk.put("app/every.py", EVERY_KIND)
    desk.put("app/empty.py", b"")
    desk.put("app/broken.py", b"def f(:\n    pass\n")
    desk.put("setup.py", "def setup():\n    return 1  # done")
    desk.result("measure.py", "src/input")
    return desk


def rows(desk) -> dict[str, dict[str, str]]:
    with (desk.root / "output/metrics.csv").open(encoding="utf-8", newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def test_every_number_of_a_known_file_is_exact(desk):
    desk.put("every.py", EVERY_KIND)
    totals = desk.result("measure.py", "src/input")
    assert rows(desk)["every.py"] == {"path": "every.py", **EXPECTED}
    assert totals == {
        "rows": 1, "lines": 30, "blank": 5, "comments": 2, "functions": 4, "classes": 1,
        "bytes": len(EVERY_KIND), "unparsed": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "lines", "blank"),
    [
        (b"", "0", "0"),
        (b"x = 1", "1", "0"),
        (b"x = 1\n", "1", "0"),
        (b"x = 1\r\n\r\ny = 2\r\n", "3", "1"),
        (b"x = 1\r\r\x0c \ny = 2\n", "4", "2"),
        ("# -*- coding: latin-1 -*-\nx = 'ä'\n".encode("latin-1"), "2", "0"),
        (b"\xef\xbb\xbfx = 1\n", "1", "0"),
    ],
)
def test_lines_are_counted_with_any_line_end_and_encoding(desk, content, lines, blank):
    desk.put("a.py", content)
    desk.result("measure.py", "src/input")
    row = rows(desk)["a.py"]
    assert (row["lines"], row["blank"], row["error"]) == (lines, blank, "")
    assert desk.result("recount.py", "src/input")["differences"] == 0


@pytest.mark.parametrize(
    "content",
    [
        b"print 'python 2'\n",
        b"x = '\xff\xfe'\n",
        b"# coding: no-such-codec\n",
        b"x = 1\0\n",
        b"(" * 5000 + b")" * 5000,
        b"x = " + b"-" * 100_000 + b"1",
        b"x = 1\n" * 400_000,
    ],
    ids=["syntax", "bytes", "codec", "zero byte", "brackets", "signs", "too large"],
)
def test_what_cannot_be_parsed_is_a_row_with_its_error(desk, content):
    desk.put("good.py", "x = 1\n")
    desk.put("odd.py", content)
    assert desk.result("measure.py", "src/input")["unparsed"] == 1
    odd = rows(desk)["odd.py"]
    assert odd["error"]
    assert odd["lines"] == str(len(content.splitlines()))
    assert odd["functions"] == ""
    assert desk.result("recount.py", "src/input")["differences"] == 0


def test_installed_compiled_linked_and_other_files_are_no_rows(desk):
    desk.put("mine.py", "x = 1\n")
    for path in ("venv/site-packages/a.py", "dist-packages/b.py", "__pycache__/c.py", "d.pyc", "e.PY", "f.txt"):
        desk.put(path, "x = 1\n")
    inside = desk.root / "src/input"
    (inside / "link.py").symlink_to(inside / "mine.py")
    (inside / "loop").symlink_to(inside)
    (inside / "folder.py").mkdir()
    os.mkfifo(inside / "pipe.py")
    assert desk.result("measure.py", "src/input")["rows"] == 1
    assert list(rows(desk)) == ["mine.py"]
    assert desk.result("recount.py", "src/input")["compared_files"] == 1


def test_paths_are_rows_whatever_they_are_called(desk):
    for name in ('a,"b".py', "line\nbreak.py", "späße.py", ".py"):
        desk.put(name, "x = 1\n")
    Path(os.fsdecode(os.fsencode(desk.root / "src/input") + b"/\xff.py")).write_text("x = 1\n")
    desk.result("measure.py", "src/input")
    assert set(rows(desk)) == {'a,"b".py', "line\nbreak.py", "späße.py", ".py", "\\xff.py"}
    assert desk.result("recount.py", "src/input")["differences"] == 0


def test_a_folder_without_python_is_refused_in_one_sentence(desk):
    desk.put("readme.txt", "hello")
    for script in ("plan_survey.py", "measure.py"):
        assert "no .py file" in desk.refusal(script, "src/input")
        assert "is not a folder" in desk.refusal(script, "src/nowhere")


def test_the_plan_says_what_is_there(surveyed):
    surveyed.put("data.json", "{}")
    found = surveyed.result("plan_survey.py", "src/input", "--source=/srv/app")
    assert (found["files"], found["python_files"], found["kinds"]) == (5, 4, {".py": 4, ".json": 1})
    plan = surveyed.read("output/plan.md")
    assert "`/srv/app`" in plan
    assert "| .py | 4 | 80" in plan


def test_the_archive_itself_is_no_part_of_the_code_base(surveyed):
    surveyed.put("code.zip", b"PK")
    found = surveyed.result("plan_survey.py", "src/input", "--archive=src/input/code.zip")
    assert (found["files"], found["kinds"]) == (4, {".py": 4})
    alone = surveyed.result("plan_survey.py", "src/input", "--archive=src/input/setup.py")
    assert alone["python_files"] == alone["files"] - 1 == 4


def test_progress_is_told_before_the_end(desk):
    for number in range(250):
        desk.put(f"m{number:03}.py", "x = 1\n")
    lines = desk.run("measure.py", "src/input").stdout.splitlines()
    assert [line.split(" files")[0] for line in lines if "files measured" in line] == [
        "100 of 250", "200 of 250", "250 of 250",
    ]  # fmt: skip


def test_the_recount_agrees_with_a_true_table(surveyed):
    assert surveyed.result("recount.py", "src/input") == {"checks": 5, "compared_files": 4, "differences": 0}
    assert '"passed": true' in surveyed.read("output/check.json")


def change(path: str, **cells: str):
    return lambda table: [{**row, **cells} if row["path"] == path else row for row in table]


@pytest.mark.parametrize(
    ("tamper", "about"),
    [
        (lambda table: table[1:], "rows of app/broken.py"),
        (lambda table: [*table, table[0]], "rows of app/broken.py"),
        (lambda table: [*table, {**table[0], "path": "ghost.py"}], "rows of ghost.py"),
        (change("app/every.py", lines="32"), "app/every.py"),
        (change("app/every.py", blank="4"), "app/every.py"),
        (change("app/every.py", bytes="1"), "app/every.py"),
        (change("app/every.py", functions="5"), "functions, classes of app/every.py"),
        (change("app/every.py", classes="0"), "functions, classes of app/every.py"),
        (change("app/every.py", comments="3"), "comments of app/every.py"),
        (change("app/every.py", nesting="2"), "app/every.py: nesting 2"),
        (change("app/every.py", longest_function_lines="99"), "app/every.py: 4 functions"),
        (change("app/every.py", error="SyntaxError: no"), "app/every.py"),
        (change("app/broken.py", error="", functions="1", classes="0"), "app/broken.py"),
    ],
)
def test_the_recount_refuses_a_wrong_table(surveyed, tamper, about):
    table = surveyed.root / "output/metrics.csv"
    with table.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        wrong = tamper(list(reader))
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, reader.fieldnames or [])
        writer.writeheader()
        writer.writerows(wrong)
    sentence = surveyed.refusal("recount.py", "src/input")
    assert "does not agree with the recount" in sentence
    assert about in sentence
    assert '"passed": false' in surveyed.read("output/check.json")


def test_packages_of_pythons_own_library_are_measured_as_a_plain_count_sees_them(desk):
    library = Path(os.__file__).parent
    for package in ("json", "email", "asyncio"):
        for file in (library / package).rglob("*.py"):
            desk.put(f"{package}/{file.relative_to(library / package)}", file.read_bytes())
    totals = desk.result("measure.py", "src/input")
    files = [path for path in (desk.root / "src/input").rglob("*.py") if path.is_file()]
    assert totals["rows"] == len(files) == len(rows(desk))
    assert totals["lines"] == sum(len(path.read_text("utf-8").splitlines()) for path in files)
    assert desk.result("recount.py", "src/input")["differences"] == 0


def report_of(desk, *arguments: str, title: str = "") -> str:
    desk.result("recount.py", "src/input")
    desk.result("survey_report.py", *arguments, title=title)
    return desk.read("output/report.html")


def test_the_report_stands_alone_and_is_complete_without_scripts(surveyed):
    page = report_of(surveyed, "--source=/srv/app", title="Our code")
    assert not re.search(r"(?:src|href)=|url\(|@import|https?:", page)
    assert "<h1>Our code</h1>" in page
    for word in ("app/every.py", "Outer.second()", "SyntaxError", "prefers-color-scheme: dark", "/srv/app"):
        assert word in page
    files = page.split("Every file</h2>")[1].split("</table>")[0]
    assert files.count("<tr>") == 1 + 4


def test_names_in_the_code_cannot_write_into_the_report(desk):
    desk.put("<img src=x onerror=alert(1)>.py", "def f():\n    return 1\n")
    desk.put("b&<b>.py", "def (:\n")
    desk.result("measure.py", "src/input")
    page = report_of(desk, "--source=<script>alert(2)</script>", title="<b>title</b>")
    assert page.count("<script>") == 1
    for harm in ("<img", "<b>title", "<b>.py", "alert(2)</script>"):
        assert harm not in page


def test_a_project_in_one_folder_is_shown_by_what_is_in_it(desk):
    desk.put("project-1.0/core/a.py", "import core.b\nx = 1\n")
    desk.put("project-1.0/tests/b.py", "import core\n")
    desk.result("measure.py", "src/input")
    page = report_of(desk)
    assert "<b>core</b>" in page
    assert "in 2 places at the top" in page


def test_a_code_base_of_one_file_with_nothing_in_it_has_a_report(desk):
    desk.put("only.py", b"")
    desk.result("measure.py", "src/input")
    assert "1 Python file" in report_of(desk)
    assert desk.result("survey_picture.py")["picture"] == "output/overview.png"


def test_the_same_code_gives_the_same_bytes(surveyed):
    results = ("metrics.csv", "check.json", "report.html", "overview.png", "plan.md")
    seen = []
    for _ in range(2):
        surveyed.result("plan_survey.py", "src/input")
        surveyed.result("measure.py", "src/input")
        report_of(surveyed)
        surveyed.result("survey_picture.py", title="Costs $5 and $6")
        seen.append([(surveyed.root / "output" / name).read_bytes() for name in results])
    assert seen[0] == seen[1]
    assert seen[0][3].startswith(b"\x89PNG")
