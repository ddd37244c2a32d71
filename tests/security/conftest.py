"""The box of these suites, and what of the host nothing may touch."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.security.hostile_trees import PROOF, SECRET
from tests.support.sandboxed import box, chosen, tool_env

__all__ = ["box", "chosen", "host", "tool_env"]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Path]:
    """A folder of the host with a secret, which nothing may read, change or move."""
    folder = tmp_path / "host"
    folder.mkdir()
    (folder / "secret.txt").write_bytes(SECRET)
    yield folder
    assert (folder / "secret.txt").read_bytes() == SECRET
    assert [path.name for path in folder.iterdir()] == ["secret.txt"], f"{PROOF}: something of a tree was run"
