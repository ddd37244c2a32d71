"""What may be asked for, and what several requests come to."""

import pytest

from models.errors import InvalidInput
from tools.packages import requirements


@pytest.mark.parametrize(
    ("text", "name", "kept"),
    [
        ("six", "six", "six"),
        (" Six == 1.17 ", "six", "Six==1.17"),
        ("numpy>=2,<3", "numpy", "numpy<3,>=2"),
        ("zope.interface[docs,test]", "zope-interface", "zope.interface[docs,test]"),
        ("six; python_version >= '3'", "six", "six"),
    ],
)
def test_names_with_versions_are_taken(text: str, name: str, kept: str) -> None:
    assert requirements.parse([text]) == {name: kept}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("six @ https://example.org/six.whl", "URL"),
        ("https://example.org/six.whl", "URL"),
        ("git+ssh://example.org/six", "URL"),
        ("git+https://example.org/six#egg=six", "URL"),
        ("file:///etc/passwd", "URL"),
        ("./six", "path"),
        ("../six-1.0-py3-none-any.whl", "path"),
        ("~/six", "path"),
        ("six.whl", "path"),
        ("a/b", "path"),
        ("C:\\six", "path"),
        ("-r other.txt", "option"),
        ("--index-url=x", "option"),
        ("-e .", "option"),
        ("six\n--index-url=x", "printable"),
        ("six\0", "printable"),
        ("ſix", "printable"),
        ("", "1 to 200"),
        ("x" * 300, "1 to 200"),
        ("six; extra == 'a'", "extras"),
        ("six==", "no requirement"),
        ("six --hash=sha256:0", "no requirement"),
    ],
)
def test_whatever_could_come_from_elsewhere_is_refused_by_its_place(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        requirements.parse(["humanize", text])
    assert [problem["path"] for problem in caught.value.problems] == ["packages.1"]
    assert reason in caught.value.problems[0]["message"]


def test_every_mistake_is_told() -> None:
    with pytest.raises(InvalidInput) as caught:
        requirements.parse(["-e .", "six", "./x"])
    assert [problem["path"] for problem in caught.value.problems] == ["packages.0", "packages.2"]


def test_package_for_another_platform_is_left_out() -> None:
    assert requirements.parse(["colorama; sys_platform == 'win32'", "six"]) == {"six": "six"}


def test_later_word_on_a_package_replaces_the_earlier_in_any_spelling() -> None:
    asked = requirements.parse(["Foo_Bar==2"])
    assert requirements.together(["foo-bar==1", "six"], asked) == ("Foo_Bar==2", "six")
