"""Write the pages of docs/ that are made from the code: `make docs`.

A page keeps what stands above its line "<!-- generated -->"; a file of FILES is generated whole.  A test
compares all of them with what would be written.
"""

from collections.abc import Callable
from pathlib import Path

import settings
from docs import attacks
from models import states
from tasks.plans import retry_fields
from webapp.api import reference
from worker.command_line import manual

DOCS = Path(__file__).parent
MARK = "<!-- generated -->"

PAGES: dict[str, Callable[[], str]] = {
    "reference/attacks.md": attacks.table,
    "reference/command-line.md": manual.text,
    "reference/retries.md": retry_fields.reference,
    "reference/settings.md": settings.reference,
    "reference/states.md": lambda: f"```mermaid\n{states.diagram()}\n```",
}

FILES: dict[str, Callable[[], str]] = {"reference/openapi.json": reference.as_text}


def page(name: str) -> str:
    """The whole text of the page or file as it should be."""
    if name in FILES:
        return FILES[name]()
    above, _, _ = (DOCS / name).read_text(encoding="utf-8").partition(MARK)
    return f"{above}{MARK}\n\n{PAGES[name]()}\n"


def main() -> None:
    """Write every page and file."""
    for name in (*PAGES, *FILES):
        (DOCS / name).write_text(page(name), encoding="utf-8")


if __name__ == "__main__":
    main()
