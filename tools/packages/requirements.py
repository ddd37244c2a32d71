"""Read what was asked for: names with versions, and nothing that could come from anywhere but an index."""

import re
from collections.abc import Iterable, Sequence

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from models.errors import InvalidInput, Problem

LONGEST = 200
_URL = re.compile(r"^\w+\+|://|@")
_PATH = re.compile(r"^[.~/]|[/\\]|\.(whl|zip|tar|gz|bz2|xz|txt|toml)$", re.IGNORECASE)

Asked = dict[str, str]
"""By canonical name: the requirement in one spelling, such as `six==1.17`."""


def parse(texts: Sequence[str], field: str = "packages") -> Asked:
    """The requirements; those whose marker does not hold here are left out, a later one replaces an earlier.

    Raises:
        InvalidInput: one problem for each that is no name with versions.
    """
    asked: Asked = {}
    problems: list[Problem] = []
    for number, text in enumerate(texts):
        try:
            asked |= _one(text.strip())
        except ValueError as error:
            problems.append(Problem(path=f"{field}.{number}", message=str(error)))
    if problems:
        raise InvalidInput("cannot install these packages", problems=problems)
    return asked


def together(before: Iterable[str], asked: Asked) -> tuple[str, ...]:
    """What a task wants after it asked for more: sorted; what was asked before stays unless it is named again."""
    both = parse(list(before), "packages.txt") | asked
    return tuple(both[name] for name in sorted(both))


def _one(text: str) -> Asked:
    _refuse_what_is_no_name(text)
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise ValueError(f"no requirement such as six or six==1.17: {str(error).splitlines()[0]}") from error
    if found.url is not None:
        raise ValueError("a URL: packages come from the indexes of this host only")
    if found.marker is not None and not _holds(found.marker):
        return {}
    found.marker = None
    return {canonicalize_name(found.name): str(found)}


def _refuse_what_is_no_name(text: str) -> None:
    if not text or len(text) > LONGEST or not text.isprintable() or not text.isascii():
        raise ValueError(f"no requirement: 1 to {LONGEST} printable ASCII characters")
    if text.startswith("-"):
        raise ValueError("an option: only packages can be asked for")
    name = text.partition(";")[0].strip()
    if _URL.search(name):
        raise ValueError("a URL: packages come from the indexes of this host only")
    if _PATH.search(name):
        raise ValueError("a path: packages come from the indexes of this host only")


def _holds(marker: Marker) -> bool:
    if "extra" in str(marker):
        raise ValueError("a marker on extras: write them behind the name, such as name[extra]")
    return marker.evaluate()
