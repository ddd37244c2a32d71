"""A path that no tool can use is refused where the arguments are read, at its field."""

import pytest

from models.errors import InvalidInput
from tools.registry import find

PATHS = [
    ("files.write", {"text": "x"}, "path"),
    ("files.read", {}, "path"),
    ("files.delete", {}, "path"),
    ("files.move", {"source": "a"}, "target"),
    ("python.run", {}, "file"),
    ("shared.read", {"path": "a"}, "into"),
    ("research.bibliography", {}, "path"),
]


@pytest.mark.parametrize(("tool", "others", "name"), PATHS)
@pytest.mark.parametrize("path", ["/etc/passwd", "../a", "a/../../b", "", " ", ".", "a\0b"])
def test_a_path_that_cannot_be_used_is_refused_by_field(
    tool: str, others: dict[str, str], name: str, path: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        find(tool).parse({**others, name: path})
    assert [each["path"] for each in refused.value.problems] == [name]
    assert refused.value.problems[0]["message"].startswith("cannot ")


@pytest.mark.parametrize(("tool", "others", "name"), PATHS)
def test_a_path_stays_as_it_was_written(tool: str, others: dict[str, str], name: str) -> None:
    assert getattr(find(tool).parse({**others, name: "./src//a.py"}), name) == "./src//a.py"


@pytest.mark.parametrize("path", [".", ""])
def test_a_folder_may_be_the_workspace_itself(path: str) -> None:
    assert find("files.list").parse({"path": path}).model_dump()["path"] == path
