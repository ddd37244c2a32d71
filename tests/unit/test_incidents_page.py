"""What docs/explanation/incidents.md says is shown by tests that there are."""

import re

from settings import PROJECT

PAGE = PROJECT / "docs" / "explanation" / "incidents.md"


def test_each_test_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", PAGE.read_text(encoding="utf-8")))
    there = {path.name for path in (PROJECT / "tests" / "integration").glob("test_*.py")}
    assert named
    assert named <= there


def test_each_test_of_an_incident_is_named_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    there = {path.name for path in (PROJECT / "tests" / "integration").glob("test_incident_*.py")}
    assert [name for name in sorted(there) if name not in page] == []
