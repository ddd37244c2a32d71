"""What docs/ says of the code is what the code says: `make docs` writes it anew."""

import pytest

from docs import generate


@pytest.mark.parametrize("name", [*generate.PAGES, *generate.FILES])
def test_a_generated_page_is_current(name: str) -> None:
    written = (generate.DOCS / name).read_text(encoding="utf-8")
    assert written == generate.page(name), f"docs/{name} is out of date: run `make docs`"
