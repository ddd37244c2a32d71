"""How a task's steps become bars, stages and what is still planned."""

from datetime import UTC, datetime, timedelta
from typing import Any

from models.plan import Plan
from models.states import Stage, State
from models.step import Step, StepState
from models.task import Task
from webapp import task_view

BEGIN = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLAN = [
    {"name": "plan", "title": "Plan", "tool": "python.run", "stage": "design"},
    {"name": "measure", "title": "Measure", "tool": "python.run", "stage": "build"},
    {"name": "report", "title": "Report", "tool": "files.write", "stage": "review"},
]


def task(state: State, stage: Stage) -> Task:
    return Task(state=state, stage=stage, plan=Plan(content={"steps": PLAN}))


def step(position: int, begun: float, took: float | None, state: str = StepState.SUCCEEDED, **more: Any) -> Step:
    at = BEGIN + timedelta(seconds=begun)
    done = at + timedelta(seconds=took) if took is not None else None
    return Step(position=position, key=f"step{position}", state=state, started_at=at, finished_at=done, **more)


def test_bars_lie_where_their_steps_lay_in_time() -> None:
    strip = task_view.strip_of([step(1, 0, 2), step(2, 5, 5)], BEGIN + timedelta(hours=1))
    assert strip is not None
    assert [(bar.start, bar.length) for bar in strip.bars] == [(0, 200), (500, 500)]
    assert strip.marks[-1] == (1000, "10 s")


def test_a_running_steps_bar_reaches_to_now() -> None:
    strip = task_view.strip_of([step(1, 0, 5), step(2, 5, None, StepState.STARTED)], BEGIN + timedelta(seconds=10))
    assert strip is not None
    assert strip.bars[1].start + strip.bars[1].length == 1000


def test_a_step_that_was_cut_off_does_not_go_on_growing() -> None:
    strip = task_view.strip_of([step(1, 0, 5), step(2, 5, None, StepState.STARTED)], None)
    assert strip is not None
    assert (strip.seconds, strip.bars[1].length) == (5, task_view.THINNEST)


def test_a_very_short_step_can_still_be_seen_and_stays_inside() -> None:
    strip = task_view.strip_of([step(1, 0, 1000), step(2, 1000, 0.001)], BEGIN)
    assert strip is not None
    assert strip.bars[1].length >= task_view.THINNEST
    assert strip.bars[1].start + strip.bars[1].length <= 1000


def test_skipped_steps_have_no_bar() -> None:
    assert task_view.strip_of([step(1, 0, 0, StepState.SKIPPED)], BEGIN) is None


def test_stages_say_what_is_done_what_is_now_and_what_is_ahead() -> None:
    marks = {mark.stage: mark.standing for mark in task_view.stages_of(task(State.RUNNING, Stage.BUILD))}
    assert marks == {Stage.DESIGN: "done", Stage.BUILD: "now", Stage.REVIEW: "ahead", Stage.COMPLETE: "ahead"}


def test_a_failed_task_breaks_off_at_its_stage() -> None:
    marks = {mark.stage: mark.standing for mark in task_view.stages_of(task(State.FAILED, Stage.BUILD))}
    assert marks[Stage.BUILD] == "broken"
    assert marks[Stage.COMPLETE] == "ahead"


def test_a_task_that_succeeded_has_every_stage_done() -> None:
    assert {mark.standing for mark in task_view.stages_of(task(State.SUCCEEDED, Stage.COMPLETE))} == {"done"}


def test_steps_that_have_not_begun_are_planned_until_the_task_ends() -> None:
    begun = [step(1, 0, 1)]
    begun[0].key = "plan"
    ahead = task_view.planned_after(task(State.RUNNING, Stage.DESIGN), begun)
    assert [(each.position, each.title) for each in ahead] == [(2, "Measure"), (3, "Report")]
    assert task_view.planned_after(task(State.FAILED, Stage.DESIGN), begun) == []


def test_a_repeated_step_counts_as_begun() -> None:
    begun = [step(2, 0, 1)]
    begun[0].key = "measure[4]"
    assert [each.title for each in task_view.planned_after(task(State.RUNNING, Stage.BUILD), begun)] == [
        "Plan",
        "Report",
    ]


def test_of_very_many_steps_the_failed_and_the_last_are_shown() -> None:
    steps = [step(n, n, 1, StepState.FAILED if n == 3 else StepState.SUCCEEDED) for n in range(1, 400)]
    shown = task_view.shown(steps, is_all=False)
    assert [each.position for each in shown][:2] == [3, 280]
    assert len(task_view.shown(steps, is_all=True)) == 399
