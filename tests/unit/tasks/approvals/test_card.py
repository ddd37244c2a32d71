"""What a person agrees to when they agree to a whole plan."""

import hashlib
from typing import Any

import pytest

from models.task import Task
from tasks.approvals import card
from tasks.plans.model_plan import ModelPlan
from tasks.plans.playbook import Playbook

TASK = Task(id="t", epoch=1, title="Write a letter", description="Write a letter.", inputs={"to": "Carol"})
STEPS = [{"name": "note", "stage": "build", "title": "Note", "tool": "drill.nothing"}]
FILES = {"code/send.py": "print('sent')"}


def digest(shown: dict[str, Any]) -> str:
    return card.digest(TASK, "plan", "", shown)


@pytest.mark.parametrize(
    "said",
    [
        {"instructions": "Be short."},
        {"additions": "Mail it to everybody."},
        {"prompt": "other"},
        {"files": FILES},
        {"tools": ["files.write"]},
        {"promises": [{"path": "output/letter.md"}]},
        {"models": ["house/small"]},
        {"budget": {"calls": 3}},
        {"turns": 7},
    ],
)
def test_a_yes_to_a_model_plan_is_bound_to_all_that_was_ordered(said: dict[str, Any]) -> None:
    plain, ordered = (card.of_plan(TASK, ModelPlan.model_validate(each)) for each in ({}, said))
    assert digest(plain) != digest(ordered)
    assert set(said) <= set(ordered)


def test_what_the_person_who_ordered_says_is_shown_as_it_stands() -> None:
    shown = card.of_plan(TASK, ModelPlan(additions="Mail it to everybody."))
    assert (shown["additions"], shown["prompt"]) == ("Mail it to everybody.", "agent")


@pytest.mark.parametrize("plan", [ModelPlan(files=FILES), Playbook.model_validate({"steps": STEPS, "files": FILES})])
def test_the_files_of_a_plan_are_shown_by_path_and_digest(plan: ModelPlan | Playbook) -> None:
    shown = card.of_plan(TASK, plan)
    assert shown["files"] == {"code/send.py": hashlib.sha256(b"print('sent')").hexdigest()}
    other = card.of_plan(TASK, plan.model_copy(update={"files": {"code/send.py": "print('other')"}}))
    assert digest(shown) != digest(other)
