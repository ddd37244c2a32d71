"""Write the pages of docs/ that are made from the code: `make docs`.

A page keeps what stands above its line "<!-- generated -->"; a test compares every page with
what would be written.
"""

from collections.abc import Callable
from pathlib import Path

import settings
from models import states

DOCS = Path(__file__).parent
MARK = "<!-- generated -->"

PAGES: dict[str, Callable[[], str]] = {
    "reference/settings.md": settings.reference,
    "reference/states.md": lambda: f"```mermaid\n{states.diagram()}\n```",
}


def page(name: str) -> str:
    """The whole text of the page as it should be."""
    above, _, _ = (DOCS / name).read_text(encoding="utf-8").partition(MARK)
    return f"{above}{MARK}\n\n{PAGES[name]()}\n"


def main() -> None:
    """Write every page."""
    for name in PAGES:
        (DOCS / name).write_text(page(name), encoding="utf-8")


if __name__ == "__main__":
    main()
