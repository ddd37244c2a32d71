"""YAML with the line of every value, and without what could blow up."""

from tasks.plans.yaml_text import DEEPEST, LONGEST_TEXT, read, shown


def test_every_value_knows_its_line() -> None:
    document = read("name: x\nsteps:\n  - tool: a\n    with:\n      path: p\n  - tool: b\n")
    assert document.problems == []
    assert document.line(("name",)) == 1
    assert document.line(("steps", 0, "with", "path")) == 5
    assert document.line(("steps", 1)) == 6


def test_missing_value_has_the_line_of_the_nearest_part_that_is_there() -> None:
    document = read("steps:\n  - tool: a\n")
    assert document.line(("steps", 0, "with", "file")) == 2


def test_json_is_read_too() -> None:
    assert read('{"steps": [{"tool": "a"}]}').value == {"steps": [{"tool": "a"}]}


def test_text_that_is_no_yaml_says_where() -> None:
    [problem] = read("a: 1\nb: [1, 2\n").problems
    assert problem["line"] is not None and problem["line"] >= 2
    assert problem["message"].startswith("is not valid YAML")


def test_key_that_stands_twice_is_a_problem() -> None:
    [problem] = read("a: 1\nb: 2\na: 3\n").problems
    assert (problem["path"], problem["line"], problem["message"]) == ("a", 3, "stands here a second time")


def test_aliases_are_refused_before_they_grow() -> None:
    text = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    [problem] = read(text).problems
    assert "aliases" in problem["message"]


def test_python_objects_are_not_made() -> None:
    [problem] = read("a: !!python/object/apply:os.system ['true']\n").problems
    assert "is not valid YAML" in problem["message"]


def test_text_of_megabytes_is_refused_unread() -> None:
    [problem] = read("a" * (LONGEST_TEXT + 1)).problems
    assert "longer than" in problem["message"]


def test_text_of_endless_depth_is_refused_at_the_first_level_too_many() -> None:
    assert read("[" * DEEPEST + "]" * DEEPEST).problems == []
    [problem] = read("[" * 100_000).problems
    assert problem["message"] == f"is nested deeper than {DEEPEST} levels"


def test_path_is_shown_as_people_write_it() -> None:
    assert shown(("steps", 2, "with", "file")) == "steps[2].with.file"
