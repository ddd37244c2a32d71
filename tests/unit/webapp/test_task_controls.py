"""Which buttons a task has while something is wanted of its run."""

import pytest

from models.columns import now
from models.states import State
from models.task import Task
from webapp.task_controls import controls_of

NOW = now()


@pytest.mark.parametrize(
    ("wishes", "labels"),
    [
        ({}, ["Pause", "Pause now", "Cancel"]),
        ({"pause_requested_at": NOW}, ["Pause now", "Do not pause", "Cancel"]),
        ({"stop_requested_at": NOW}, ["Cancel"]),
        ({"stop_requested_at": NOW, "cancel_requested_at": NOW}, []),
    ],
)
def test_what_is_wanted_already_is_not_offered_again(wishes: dict[str, object], labels: list[str]) -> None:
    assert [each.label for each in controls_of(Task(state=State.RUNNING, **wishes))] == labels


def test_no_letter_presses_two_buttons() -> None:
    for state in State:
        keys = [each.key for each in controls_of(Task(state=state, dead_letter_at=NOW)) if each.key]
        assert len(keys) == len(set(keys))


def test_what_the_stop_holds_is_released_and_not_resumed() -> None:
    labels = [each.label for each in controls_of(Task(state=State.PAUSED, emergency_at=NOW))]
    assert labels == ["Release the stop", "Cancel"]
