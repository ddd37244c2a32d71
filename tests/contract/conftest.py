"""The box of these suites, and whom its programs trust."""

from pathlib import Path

import pytest
import trustme

from tests.support.sandboxed import box, chosen, tool_env
from tests.support.timeline import Told

__all__ = ["box", "chosen", "tool_env"]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Who signs the certificates of the servers that stand for the internet."""
    return trustme.CA()


@pytest.fixture(scope="session")
def bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file by which it is trusted."""
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def told() -> Told:
    """A timeline."""
    return Told()
