"""Fixtures of the sandbox and tool suites: a sandbox of each tier, which must isolate, and a box in it.

What a tier cannot do by nature is marked `@pytest.mark.not_on_tier(3, "reason")` and shows as skipped there.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

import settings
from tests.support.boxed import Box
from tools import environment, identity
from tools.sandbox import Sandbox, choice
from tools.workspace import Workspace

TIERS = (1, 2, 3)


@pytest.fixture(scope="session")
def tool_env() -> Path:
    """The agents' Python environment, built if it is not there."""
    return environment.ensure(settings.load().tool_env)


@pytest.fixture(scope="session", params=TIERS, ids=lambda tier: f"tier{tier}")
def chosen(request: pytest.FixtureRequest) -> Sandbox:
    """The sandbox of one tier.  On a host that does not have it these suites fail, and say why."""
    sandbox = choice.at_tier(request.param)
    choice.examine(sandbox)
    return sandbox


@pytest.fixture
def box(request: pytest.FixtureRequest, tmp_path: Path, chosen: Sandbox, tool_env: Path) -> Iterator[Box]:
    """A new workspace, deleted afterwards."""
    for mark in request.node.iter_markers("not_on_tier"):
        if mark.args[0] == chosen.tier:
            pytest.skip(f"not on tier {chosen.tier}: {mark.args[1]}")
    with identity.lent() as owner:
        workspace = Workspace.create(tmp_path / "workspaces", "w1", "# A test\n", owner)
        yield Box(workspace, chosen, tool_env)
        workspace.remove()
