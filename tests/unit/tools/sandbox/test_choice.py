"""Judging what a sandbox looks like from inside, and choosing: one thing wrong and it is not used."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.errors import SandboxUnavailable
from tools.contract import Captured, Emit, Finished, ignore, never
from tools.sandbox import choice
from tools.sandbox.contract import Call, Sandbox

GOOD = {
    "uid": 65534,
    "capabilities": 0,
    "bounding_capabilities": 0,
    "no_new_privileges": True,
    "seccomp": 2,
    "home_hidden": True,
    "usr_read_only": True,
    "root_read_only": True,
    "workspace_writable": True,
    "neighbour_hidden": True,
    "neighbour_kept": True,
    "worker_out_of_reach": True,
    "network": [],
    "namespaces_refused": True,
    "own_proc": True,
}


class Pretending:
    """A sandbox that answers the probe as it is told to."""

    name = "pretending"

    def __init__(self, finished: Finished, tier: int = 1) -> None:
        self.finished = finished
        self.tier = tier

    def run(self, call: Call, *, emit: Emit, is_cancelled: Any) -> Finished:
        return self.finished


def answering(text: str, tier: int = 1) -> Pretending:
    return Pretending(Finished(0, Captured(text.encode(), b"", len(text))), tier)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[int]]:
    """The tiers that do not work on this host; none yet."""
    tiers: set[int] = set()

    def examine(sandbox: Sandbox, where: Path | None) -> dict[str, Any]:
        if sandbox.tier in tiers:
            raise SandboxUnavailable(f"cannot have tier {sandbox.tier}")
        return {"uid": 1000}

    monkeypatch.setattr(choice, "examine", examine)
    monkeypatch.setattr(choice, "end_leftovers", lambda: 0)
    choice._found_once.cache_clear()
    yield tiers
    choice._found_once.cache_clear()


def test_good_answer_is_taken() -> None:
    assert choice.examine(answering(json.dumps(GOOD))) == GOOD


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("uid", 0),
        ("capabilities", 41),
        ("bounding_capabilities", 40),
        ("seccomp", 0),
        ("neighbour_hidden", False),
        ("neighbour_kept", False),
        ("worker_out_of_reach", False),
        ("no_new_privileges", False),
        ("home_hidden", False),
        ("usr_read_only", False),
        ("root_read_only", False),
        ("workspace_writable", False),
        ("network", ["eth0"]),
        ("namespaces_refused", False),
        ("uid", None),
    ],
)
def test_one_wrong_fact_is_enough_to_refuse(fact: str, value: object) -> None:
    with pytest.raises(SandboxUnavailable, match=fact):
        choice.examine(answering(json.dumps(GOOD | {fact: value})))


def test_third_tier_runs_as_a_user_of_the_host_but_never_as_root() -> None:
    own = GOOD | {"uid": 1000, "bounding_capabilities": 40, "own_proc": False}
    assert choice.examine(answering(json.dumps(own), tier=3)) == own
    with pytest.raises(SandboxUnavailable, match="uid"):
        choice.examine(answering(json.dumps(own | {"uid": 0}), tier=3))


def test_probe_that_fails_is_refused_with_what_it_said() -> None:
    with pytest.raises(SandboxUnavailable, match="no ctypes"):
        choice.examine(Pretending(Finished(1, stderr=Captured(b"no ctypes", b"", 9))))


def test_strongest_tier_that_works_is_taken(broken: set[int]) -> None:
    found = []
    for worked in (1, 2, 3):
        found.append(choice.probe().tier)
        broken.add(worked)
    assert found == [1, 2, 3]


def test_host_without_any_sandbox_is_tier_four_and_says_why(broken: set[int]) -> None:
    broken |= {1, 2, 3}
    probe = choice.probe()
    assert (probe.tier, probe.name) == (4, "none")
    assert probe.facts == {f"tier_{tier}": f"cannot have tier {tier}" for tier in (1, 2, 3)}


def test_demanded_tier_is_taken_although_a_stronger_one_works(broken: set[int]) -> None:
    assert choice.probe(3).tier == choice.choose(3).tier == 3


def test_demanded_tier_is_not_replaced_by_another(broken: set[int]) -> None:
    broken.add(1)
    probe = choice.probe(1)
    assert (probe.tier, probe.facts) == (4, {"tier_1": "cannot have tier 1"})
    with pytest.raises(SandboxUnavailable, match="cannot have tier 1"):
        choice.choose(1).run(Call(("true",), Path()), emit=ignore, is_cancelled=never)


def test_tier_that_stops_working_is_not_stepped_down_from(broken: set[int]) -> None:
    assert choice.settle().tier == 1
    broken.add(1)
    assert choice.choose().tier == choice.settle().tier == 1


def test_failure_of_every_tier_is_asked_about_again(broken: set[int]) -> None:
    broken |= {1, 2, 3}
    assert choice.choose().tier == 4
    broken.clear()
    assert choice.choose().tier == 1
