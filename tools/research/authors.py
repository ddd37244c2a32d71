"""Who wrote a page: people with family and given names, or an organisation, whose name is one."""

import re
from dataclasses import dataclass

_PARTICLES = frozenset(
    ("al", "bin", "da", "de", "del", "della", "den", "der", "di", "dos", "du", "el", "la", "le", "ten", "van", "von")
)


@dataclass(frozen=True)
class Author:
    """`given` is empty for an organisation, and for a person with one name."""

    family: str
    given: str = ""

    @classmethod
    def read(cls, text: str) -> "Author":
        """A person as "Given Family" or "Family, Given"."""
        said = " ".join(text.split())
        if "," in said:
            family, _, given = said.partition(",")
            return cls(family.strip(), given.strip())
        words = said.split(" ")
        first = next((at for at, word in enumerate(words[:-1]) if at and word in _PARTICLES), len(words) - 1)
        return cls(" ".join(words[first:]), " ".join(words[:first]))

    @property
    def initials(self) -> str:
        """Of the given names: "J. R.", "J.-P."."""
        return " ".join("-".join(_initial(part) for part in name.split("-") if part) for name in self.given.split())

    @property
    def whole(self) -> str:
        """Given name first."""
        return f"{self.given} {self.family}".strip()

    @property
    def sorted(self) -> str:
        """Family name first."""
        return f"{self.family}, {self.given}" if self.given else self.family


def several(text: str) -> list[Author]:
    """People in one line, parted by ";"."""
    return [Author.read(each) for each in text.split(";") if each.strip()]


def _initial(name: str) -> str:
    letters = re.match(r"\w", name)
    return f"{letters[0].upper()}." if letters else name
