"""Judging what a sandbox looks like from inside: one thing wrong and it is not used."""

import json
from pathlib import Path
from typing import Any

import pytest

from models.errors import NotFound, SandboxUnavailable
from tools.contract import Captured, Emit, Finished
from tools.sandbox import choice
from tools.sandbox.contract import Call

GOOD = {
    "uid": 65534,
    "capabilities": 0,
    "no_new_privileges": True,
    "seccomp": 2,
    "home_hidden": True,
    "usr_read_only": True,
    "root_read_only": True,
    "workspace_writable": True,
    "network": [],
    "namespaces_refused": True,
    "own_proc": True,
}


class Pretending:
    """A sandbox that answers the probe as it is told to."""

    tier = 1
    name = "pretending"

    def __init__(self, finished: Finished) -> None:
        self.finished = finished

    def run(self, call: Call, *, emit: Emit, is_cancelled: Any) -> Finished:
        return self.finished


def answering(text: str) -> Pretending:
    return Pretending(Finished(0, Captured(text.encode(), b"", len(text))))


def test_good_answer_is_taken() -> None:
    assert choice.examine(answering(json.dumps(GOOD))) == GOOD


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("uid", 0),
        ("capabilities", 41),
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


def test_probe_that_fails_is_refused_with_what_it_said() -> None:
    with pytest.raises(SandboxUnavailable, match="no ctypes"):
        choice.examine(Pretending(Finished(1, stderr=Captured(b"no ctypes", b"", 9))))


def test_host_without_any_sandbox_is_tier_four_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    probe = choice.probe()
    assert (probe.tier, probe.name) == (4, "none")
    assert "cannot find bwrap" in probe.facts["tier_1"]


def test_folder_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        choice.run_in(tmp_path / "none", ["true"])
