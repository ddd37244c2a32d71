"""References in each style, for what web pages are like: with everything, and with much of it missing."""

from datetime import date

import pytest

from tools.research.authors import Author, several
from tools.research.dates import Day
from tools.research.styles import Reference, Style, order, written

READ = Day.of(date(2026, 11, 21))
ADA, GRACE, JEAN = (Author.read(name) for name in ("Ada Lovelace", "Hopper, Grace Brewster", "Jean-Paul Sartre"))
FULL = Reference("https://sea.example/tides", "On tides", [ADA, GRACE], "Sea Times", Day.read("2024-03-05"), READ)
ANONYMOUS = Reference("https://sea.example/x", "The moon?", [], "Sea Times", Day.read("2024"), READ)
UNDATED = Reference("https://who.example/tea", "Tea", [Author("World Tea Office")], "World Tea Office", Day(), READ)


@pytest.mark.parametrize(
    ("style", "line"),
    [
        ("apa", "Lovelace, A., & Hopper, G. B. (2024, March 5). *On tides*. Sea Times. https://sea.example/tides"),
        (
            "ieee",
            "A. Lovelace and G. B. Hopper. “On tides.” Sea Times. Mar. 5, 2024. Accessed: Nov. 21, 2026. "
            "[Online]. Available: https://sea.example/tides",
        ),
        (
            "chicago",
            "Lovelace, Ada, and Grace Brewster Hopper. “On tides.” Sea Times. March 5, 2024. "
            "https://sea.example/tides.",
        ),
    ],
)
def test_page_of_which_everything_is_known(style: Style, line: str) -> None:
    assert written(FULL, style) == line


@pytest.mark.parametrize(
    ("style", "line"),
    [
        ("apa", "*The moon?* (2024). Sea Times. https://sea.example/x"),
        (
            "ieee",
            "“The moon?” Sea Times. 2024. Accessed: Nov. 21, 2026. [Online]. Available: https://sea.example/x",
        ),
        ("chicago", "“The moon?” Sea Times. 2024. https://sea.example/x."),
    ],
)
def test_page_without_an_author_begins_with_its_title(style: Style, line: str) -> None:
    assert written(ANONYMOUS, style) == line


@pytest.mark.parametrize(
    ("style", "line"),
    [
        ("apa", "World Tea Office. (n.d.). *Tea*. Retrieved November 21, 2026, from https://who.example/tea"),
        (
            "ieee",
            "World Tea Office. “Tea.” Accessed: Nov. 21, 2026. [Online]. Available: https://who.example/tea",
        ),
        ("chicago", "World Tea Office. “Tea.” Accessed November 21, 2026. https://who.example/tea."),
    ],
)
def test_page_of_an_organisation_without_a_date_says_when_it_was_read(style: Style, line: str) -> None:
    assert written(UNDATED, style) == line


def test_many_authors_are_shortened_as_each_style_wants() -> None:
    many = Reference("https://a.example/", "All", [Author(f"Name{at}", "Given") for at in range(1, 23)])
    assert "Name19, G., … Name22, G. (n.d.)" in written(many, "apa") and "Name20" not in written(many, "apa")
    assert written(many, "ieee").startswith("G. Name1 *et al.* “All.”")
    assert "Given Name7, et al. “All.”" in written(many, "chicago")
    three = Reference("https://a.example/", "All", [ADA, GRACE, JEAN])
    assert written(three, "apa").startswith("Lovelace, A., Hopper, G. B., & Sartre, J.-P. (n.d.).")
    assert written(three, "ieee").startswith("A. Lovelace, G. B. Hopper, and J.-P. Sartre.")
    assert written(three, "chicago").startswith("Lovelace, Ada, Grace Brewster Hopper, and Jean-Paul Sartre.")


@pytest.mark.parametrize(
    ("text", "family", "given"),
    [
        ("Ludwig van Beethoven", "van Beethoven", "Ludwig"),
        ("van Beethoven, Ludwig", "van Beethoven", "Ludwig"),
        ("Plato", "Plato", ""),
        ("  Ada   Lovelace ", "Lovelace", "Ada"),
        ("Maria del Mar García", "del Mar García", "Maria"),
    ],
)
def test_name_of_a_person_is_parted(text: str, family: str, given: str) -> None:
    assert Author.read(text) == Author(family, given)


def test_people_in_one_line_are_several() -> None:
    assert [each.sorted for each in several("Ada Lovelace; Grace Hopper;")] == ["Lovelace, Ada", "Hopper, Grace"]


@pytest.mark.parametrize(
    ("text", "long"),
    [("2024", "2024"), ("2024-03", "March 2024"), ("2024-03-05T10:00:00Z", "March 5, 2024"), ("2024-13-05", ""),
     ("yesterday", ""), ("", "")],
)  # fmt: skip
def test_date_is_written_as_far_as_it_is_known(text: str, long: str) -> None:
    found = Day.read(text)
    assert (found.long if found else "") == long


def test_references_stand_by_name_and_those_of_ieee_as_they_were_cited() -> None:
    given = [(2, FULL), (1, UNDATED), (3, ANONYMOUS)]
    names = {style: [n for n, it in sorted(given, key=lambda each: order(each[1], style, each[0]))] for style in STYLES}
    assert names == {"apa": [2, 3, 1], "ieee": [1, 2, 3], "chicago": [2, 3, 1]}


STYLES: tuple[Style, ...] = ("apa", "ieee", "chicago")
