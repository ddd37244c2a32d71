"""Fixtures of the sandbox and tool suites: the sandbox that this host has, which must isolate, and a box in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import settings
from tests.support.boxed import Box
from tools import environment, sandbox
from tools.sandbox import Sandbox
from tools.workspace import Workspace


@pytest.fixture(scope="session")
def tool_env() -> Path:
    """The agents' Python environment, built if it is not there."""
    return environment.ensure(settings.load().tool_env)


@pytest.fixture(scope="session")
def chosen() -> Sandbox:
    """The sandbox in force.  Without one these suites fail: on such a host OpsCore runs no command."""
    probe = sandbox.probe()
    assert probe.tier < 4, f"no sandbox on this host: {probe.facts}"
    return sandbox.choose()


@pytest.fixture
def box(tmp_path: Path, chosen: Sandbox, tool_env: Path) -> Iterator[Box]:
    """A new workspace, deleted afterwards."""
    workspace = Workspace.create(tmp_path / "workspaces", "w1", "# A test\n")
    yield Box(workspace, chosen, tool_env)
    workspace.remove()
