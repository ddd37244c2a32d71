"""A family whose processes are killed at every moment at which it could be torn: it ends whole, each part made once."""

import re
import signal
import subprocess
import sys

import pytest

from models.states import State
from settings import PROJECT
from tests.support.families import family, hand_on, leaf, states
from tests.support.workplace import Workplace, plan

POINTS = ("family.before_commit", "family.after_commit", "family.before_hearing", "family.after_hearing")
SMALL = plan(
    hand_on(
        leaf("A"),
        {"title": "B", "playbook": plan(hand_on(leaf("B1"), leaf("B2")), complexity=1)},
    ),
    complexity=1,
)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def work(*told: str) -> dict[str, int]:
    """Work until nothing is open; returns how each process ended that was to die, by what it was told."""
    command = [sys.executable, "-m", "tests.support.dying_family", *told]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return {line[0]: int(line[1]) for line in re.findall(r"^(\S+=\S+) (-?\d+)$", done.stdout, re.MULTILINE)}


def test_family_ends_whole_wherever_its_processes_were_killed(workplace: Workplace) -> None:
    for part in SMALL["steps"][0]["with"]["tasks"]:
        part["complexity"] = 1
    for part in SMALL["steps"][0]["with"]["tasks"][1]["playbook"]["steps"][0]["with"]["tasks"]:
        part["complexity"] = 1
    told = [f"{point}=kill@1" for point in POINTS] + ["step.after_call=kill@1", "task.after_end=kill@1"]
    first = workplace.submit(SMALL)
    ends = work(*told)
    assert list(ends.items())[: len(POINTS)] == [(each, -signal.SIGKILL) for each in told[: len(POINTS)]]
    assert states(workplace, first) == {State.SUCCEEDED: 5}
    assert [each.title for each in family(workplace, first)][1:] == ["A", "B", "B1", "B2"]
