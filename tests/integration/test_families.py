"""Tasks that hand parts of themselves on, through real workers: results, failures, ends, and no deadlock."""

import pytest

from models.states import State
from tests.support.families import family, family_of_25, hand_on, leaf, states
from tests.support.workplace import AgentWanted, Workplace, plan, program, write

pytestmark = pytest.mark.usefixtures("celery_worker_cluster")


@pytest.fixture(scope="module")
def database_kind() -> str:
    return "sqlite"


@pytest.fixture(scope="module")
def agents() -> list[AgentWanted]:
    """One place only: whoever held it while they wait would hold up everybody."""
    return [AgentWanted("scout", "1-10", 1)]


def test_family_of_25_ends_well_with_one_place(workplace: Workplace) -> None:
    first = workplace.submit(family_of_25())
    task = workplace.succeeded(first, 25)
    assert states(workplace, first) == {State.SUCCEEDED: 25}
    assert sorted(each.depth for each in family(workplace, first)) == [0] + [1] * 8 + [2] * 16
    output = workplace.steps(first)["share_out"].output
    assert (output["succeeded"], output["failed"]) == (8, 0)
    assert [each["title"] for each in output["children"]] == [f"Part {number}" for number in range(8)]
    assert task.run_number == 2
    assert "child.ended" in workplace.kinds(first)
