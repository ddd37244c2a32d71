"""A chaos run that went wrong is found out: each violation is made here by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.event import Event
from models.run import Run
from models.states import State
from models.task import Task
from worker.chaos import findings
from worker.chaos.findings import Findings, Seen, examine, examine_kills, recoveries
from worker.chaos.killing import Hit
from worker.chaos.schedule import Target

BEGAN = datetime(2030, 1, 1, tzinfo=UTC)
STEPS = ("look", "change", "send", "close")
EFFECTS = {"send": "once", "look": "pure"}
WELL = ["task.submitted", "task.claimed", "step.started", "step.finished", "task.succeeded"]


@pytest.fixture(autouse=True)
def files_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "_is_as_expected", lambda task: True)


def events(kinds: list[str], task: str = "t") -> list[Event]:
    """One a second."""
    return [
        Event(subject_kind="task", subject_id=task, number=number, kind=kind, at=BEGAN + timedelta(seconds=number))
        for number, kind in enumerate(kinds, 1)
    ]


def line(step: str) -> dict[str, Any]:
    return {"key": step, "effect": EFFECTS.get(step, "idempotent"), "idempotency_key": f"t/1/{step}"}


def seen(kinds: list[str], lines: list[str] | None = None, runs: list[Run] | None = None) -> Seen:
    task = Task(id="t", state=State.SUCCEEDED, event_count=len(kinds))
    return Seen({"t": task}, {"t": events(kinds)}, runs or [], [line(each) for each in lines or STEPS])


def examined(what: Seen) -> Findings:
    found = Findings("sqlite", 1)
    examine(found, what, ["t"], [])
    return found


def at(seconds: float) -> float:
    return (BEGAN + timedelta(seconds=seconds)).timestamp()


def run(began: float, ended: float | None, pid: int = 7) -> Run:
    ended_at = None if ended is None else BEGAN + timedelta(seconds=ended)
    return Run(task_id="t", pid=pid, started_at=BEGAN + timedelta(seconds=began), ended_at=ended_at)


def test_a_task_that_ended_once_and_did_all_is_well() -> None:
    found = examined(seen(WELL))
    assert (found.accepted, found.succeeded, found.violations) == (1, 1, [])


def test_a_task_that_never_ended_is_lost() -> None:
    assert examined(seen(WELL[:-1])).lost == 1


def test_a_second_end_is_found_although_the_state_tells_nothing() -> None:
    assert examined(seen([*WELL, "task.succeeded"])).finished_twice == 1


def test_whatever_is_written_after_the_end_is_found() -> None:
    assert examined(seen([*WELL, "step.finished"])).finished_twice == 1


def test_an_effect_that_happened_twice_is_found_and_a_repeated_step_only_counted() -> None:
    found = examined(seen(WELL, [*STEPS, "send", "look"]))
    assert (found.once_doubled, found.steps_repeated) == (1, 2)


def test_an_effect_that_never_happened_is_found() -> None:
    assert examined(seen(WELL, ["look", "change", "close"])).violations


def test_a_gap_in_a_timeline_is_found() -> None:
    what = seen(WELL)
    del what.events["t"][2]
    assert examined(what).gaps == 1


def test_wrong_files_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "_is_as_expected", lambda task: False)
    assert examined(seen(WELL)).wrong_files == 1


def test_recovery_is_the_time_from_the_kill_to_the_next_step() -> None:
    kinds = ["task.submitted", "task.claimed", "task.requeued", "task.claimed", "step.started"]
    what = seen(kinds, runs=[run(1.5, 3), run(4, None)])
    [found] = recoveries(what, [Hit(Target.CHILD, at(2.5), (7,))])
    assert (found.seconds, found.is_alone) == (2.5, True)


def test_who_was_not_hit_has_nothing_to_recover_from() -> None:
    what = seen(WELL, runs=[run(1, None, pid=8)])
    assert list(recoveries(what, [Hit(Target.CHILD, at(2), (7,)), Hit(Target.BROKER, at(0.5))])) == []


def test_a_child_that_died_with_its_broker_is_not_measured_alone() -> None:
    what = seen(WELL, runs=[run(1, None)])
    child, broker = Hit(Target.CHILD, at(2.5), (7,)), Hit(Target.BROKER, at(2))
    assert [each.is_alone for each in recoveries(what, [child, broker]) if each.target is Target.CHILD] == [False]


def test_a_task_whose_next_child_was_killed_too_is_not_measured_alone() -> None:
    what = seen([*WELL[:2], "task.requeued", "task.claimed", *WELL[2:]], runs=[run(1, 3), run(4, None, pid=8)])
    hits = [Hit(Target.CHILD, at(2.5), (7,)), Hit(Target.CHILD, at(4.5), (8,))]
    assert [each.is_alone for each in recoveries(what, hits)] == [False, False]


def test_a_slow_recovery_is_a_violation() -> None:
    found = Findings("sqlite", 1)
    examine(found, seen(WELL, runs=[run(-60, None)]), ["t"], [Hit(Target.WORKER, at(-50), (7,))])
    assert found.longest_recovery_s == 53
    assert "recovered after 53.0 s" in found.violations[0]


def test_too_few_kills_and_a_target_that_was_spared_are_violations() -> None:
    found = Findings("sqlite", 1)
    examine_kills(found, [Hit(Target.WEB, at(1))], [Target.WEB, Target.BROKER], minutes=1)
    assert found.violations == ["never hit: broker", "too few kills: 1 of at least 15"]
