"""What people type as a limit is kept as typed or refused at its field: nothing of it is cut off."""

import pytest

from models.errors import InvalidInput
from tasks.plans.model_plan import ModelPlan
from tasks.spending import budget_limits
from webapp.pages.spend import _read
from webapp.thinking_form import Thinking, whole


@pytest.mark.parametrize(
    ("text", "number"),
    [("40", 40), ("200,000", 200_000), ("200 k", 200_000), ("1.5 k", 1_500), ("1.5M", 1_500_000), ("2.0", 2)],
)
def test_a_whole_number_is_read_with_its_unit(text: str, number: int) -> None:
    assert whole(text) == number


@pytest.mark.parametrize("text", ["1.5", "0", "0.5", "1.0005 k", "1,5", "1,50,000", "much", "nan", "1e3", "-1", "k"])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write a"):
        whole(text)


@pytest.mark.parametrize("name", ["tokens", "calls"])
@pytest.mark.parametrize("text", ["1.5", "1,5", "1.0005 k"])
def test_spend_and_the_tasks_budget_refuse_it_at_the_field(name: str, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        budget_limits.read(_read({"tokens": "", "calls": "", name: text}))
    assert [each["path"] for each in refused.value.problems] == [name]


@pytest.mark.parametrize("name", ["tokens", "calls"])
def test_the_form_of_a_task_refuses_it_at_the_field(name: str) -> None:
    base = ModelPlan.model_validate({"kind": "model"})
    found = Thinking(base, budget={name: "1.5"}).problems()
    assert [each["path"] for each in found] == [f"budget.{name}"]
