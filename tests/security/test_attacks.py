"""Each attack of attacks/ is tried: without a sandbox, where it gets through, and on every tier, where it is held.

As root the whole is done twice: by root, and by an ordinary user.  The short ones run with `bin/test`, all of them
with `bin/test --long`, which also writes down what was found: docs/reference/attacks.json.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from settings import PROJECT
from tests.security import attempt, record
from tests.security.attacks import ATTACKS, KINDS
from tests.security.attacks.attack import Attack
from tests.support.ordinary import UID_OF_ATTACKS, OrdinaryUser
from tests.support.sandboxed import TIERS

# The first test of each user tries everything.
pytestmark = pytest.mark.timeout(1800)

WHO = ("root", "user") if os.geteuid() == 0 else ("user",)
SECRET = "sesame-in-the-environment"

Verdicts = dict[str, dict[str, str]]


def _cases() -> Iterator[object]:
    for who in WHO:
        for attack in ATTACKS:
            name = f"{who}-{attack.kind}-{attack.name}".replace(" ", "-")
            yield pytest.param(attack, who, id=name, marks=[pytest.mark.long] if attack.is_long else [])


@pytest.fixture(scope="module")
def tried(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tool_env: Path
) -> Callable[[str], Verdicts]:
    """What became of the attacks that this run is about, when root or a user tried them: by place and name."""
    asked = [item.callspec.params.get("attack") for item in request.session.items if hasattr(item, "callspec")]
    # Without the long ones the tier that differs from the first by its /proc alone is left out.
    is_long = any(item.get_closest_marker("long") for item in request.session.items)
    tiers = "".join(str(tier) for tier in TIERS if is_long or tier != 2)
    names = json.dumps(sorted({attack.name for attack in asked if isinstance(attack, Attack)}))

    @cache
    def verdicts(who: str) -> Verdicts:
        folder = tmp_path_factory.mktemp(who)
        words = ["-m", "tests.security.trial", f"{folder}/t", str(tool_env), tiers, names]
        if who == "user" and os.geteuid() == 0:
            words[2] = f"{folder}/user/trial"
            user = OrdinaryUser.of(folder / "user", tool_env, UID_OF_ATTACKS)
            done = user.python(*words, OPSCORE_SECRET_KEY=SECRET)
        else:
            environment = {**os.environ, "OPSCORE_SECRET_KEY": SECRET}
            command = [sys.executable, *words]
            done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout)

    return verdicts


@pytest.mark.parametrize(("attack", "who"), list(_cases()))
def test_attack_is_held(attack: Attack, who: str, tried: Callable[[str], Verdicts]) -> None:
    places = {place: verdicts[attack.name] for place, verdicts in tried(who).items()}
    outside = places.pop("outside")
    kept = {place: verdict.partition(":")[0] for place, verdict in places.items()}
    # What a tier does not hold is told to people by name: it must be so, or the list is wrong.
    assert kept == {str(tier): "through" if attack.is_open(tier, who) else "held" for tier in map(int, places)}, places
    if outside.startswith("held") and attack.may_lack:
        pytest.skip(f"held, but not shown to be an attack on this host ({attack.may_lack}): {outside}")
    assert outside == attempt.THROUGH or outside.startswith("not shown"), f"this is no attack: outside it is {outside}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root: nothing was left out")
def test_attacks_of_root_were_tried() -> None:
    pytest.skip("not root: what root's worker has to hold was not tried")


@pytest.mark.long
@pytest.mark.skipif(os.geteuid() != 0, reason="not root: half of the table would be missing")
def test_what_was_found_is_written_down(tried: Callable[[str], Verdicts]) -> None:
    found = {who: tried(who) for who in WHO}
    if all(len(verdicts["outside"]) == len(ATTACKS) for verdicts in found.values()):
        record.save(found)


def test_there_are_a_hundred_attacks_each_with_a_name_of_its_own() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 100
    assert {attack.kind for attack in ATTACKS} <= {
        module.__name__.rpartition(".")[2].replace("_", " ") for module in KINDS
    }


def test_most_attacks_are_shown_to_be_attacks() -> None:
    assert sum(bool(attack.not_shown) for attack in ATTACKS) <= len(ATTACKS) / 4


def test_only_the_weakest_tier_leaves_anything_open() -> None:
    assert {tier for attack in ATTACKS for tier in attack.open_on} <= {3}


def test_table_of_attacks_is_about_these_attacks() -> None:
    kept = json.loads(record.FILE.read_text(encoding="utf-8"))
    named = [(row["kind"], row["name"]) for row in kept["attacks"]]
    assert named == [(attack.kind, attack.name) for attack in ATTACKS]
    assert kept["digest"] == record.digest(), "the attacks have changed: run bin/test --long, then make docs"
