"""Tasks for a language model are accepted where one can be asked, with what the person said in their plan."""

import json

import pytest
from sqlalchemy import select

from models import scope
from models.budget import BudgetKind
from models.database import reading
from models.errors import InvalidInput
from models.plan import Plan
from models.task import Task
from tasks.orders.cloning import clone
from tasks.orders.submission import Order, submit
from tasks.plans.kept import parsed, plan_of
from tasks.plans.model_plan import ModelPlan
from tasks.providers.choice import ADD_ONE
from tasks.scheduling.schedules import Wanted, create, run_now
from tasks.spending import budget_limits
from tests.integration.test_submission import problems_of
from tests.support.language_models import configure, forget
from tests.support.workplace import LOOK, Workplace, plan

WORDS = "Write a program that prints the first primes.\n\nTen of them."


def plan_kept(task: Task) -> ModelPlan:
    """The plan that stands in the task's row."""
    with scope.acting("person:alice"), reading() as session:
        content = session.scalars(select(Plan.content).where(Plan.id == task.plan_id)).one()
    found = parsed(content)
    assert isinstance(found, ModelPlan)
    return found


def test_words_alone_are_a_task_for_a_model(workplace: Workplace) -> None:
    configure()
    task = workplace.task(workplace.submit(description=WORDS, tools=["files.write"], complexity=4))
    assert (task.title, task.steps_total, task.queue) == (
        "Write a program that prints the first primes.",
        0,
        "complexity.4",
    )
    with scope.acting("person:alice"):
        assert plan_of(task) == plan_kept(task)
    assert plan_kept(task).tools == ["files.write"]


def test_what_a_person_says_stands_in_the_plan(workplace: Workplace) -> None:
    configure("http://127.0.0.1:9/v1", "small", "large")
    said = {"model": "local/large, local/small", "budget": {"tokens": 1000, "cost": 0.5}, "approvals": ["plan"]}
    promises = ["output/a.md", {"path": "output/b.md"}]
    task_id = workplace.submit(description=WORDS, promises=promises, instructions="In {{ braces }}.", **said)
    kept = plan_kept(workplace.task(task_id))
    assert (kept.models, kept.budget.tokens, kept.budget.cost) == (["local/large", "local/small"], 1000, 0.5)
    assert ([each.path for each in kept.promises], kept.approvals) == (["output/a.md", "output/b.md"], ["plan"])
    assert (kept.instructions, kept.additions) == ("", "In {{ braces }}.")


def test_without_a_model_the_order_is_refused_with_the_way_out_and_playbooks_go_on(workplace: Workplace) -> None:
    forget()
    assert problems_of(workplace, description=WORDS) == {"model": f"no model is there that may be used; {ADD_ONE}"}
    assert workplace.submit(plan(LOOK), approvals=["files.list"])


def test_models_without_a_price_need_a_limit_in_tokens_and_the_order_is_told(workplace: Workplace) -> None:
    configure("http://127.0.0.1:9/v1", "large", input_price=None)
    found = problems_of(workplace, description=WORDS)
    assert list(found) == ["model"]
    assert "cannot call local/large: its price is unknown" in found["model"]
    assert "bin/opscore model set local/large --input-price" in found["model"]
    assert workplace.submit(description=WORDS, budget={"tokens": 1000})
    configure("http://127.0.0.1:9/v1", "small", name="other")
    assert list(problems_of(workplace, description=WORDS, model="local/large")) == ["model"]
    assert workplace.submit(description=WORDS, model="local/large, other/small")
    assert workplace.submit(description=WORDS)
    with scope.acting("person:alice"):
        budget_limits.set_limits(BudgetKind.DAY, "", {"tokens": 1000})
    assert workplace.submit(description=WORDS, model="local/large")
    with scope.acting("person:alice"):
        budget_limits.set_limits(BudgetKind.DAY, "", {"tokens": None})
    forget()


def test_every_mistake_about_a_model_is_named(workplace: Workplace) -> None:
    configure()
    found = problems_of(
        workplace,
        description=WORDS,
        tools=["files.write", "rockets.launch"],
        model="local/huge",
        promises=["/etc/passwd", {"path": "output/a.md", "check": "beauty"}],
        approvals=["nothing"],
    )
    assert sorted(found) == ["approvals[0]", "model", "promises[0].path", "promises[1].check", "tools[1]"]
    assert found["model"] == "there is no model local/huge that may be used; there are local/small"
    assert "budget.tokens" in problems_of(workplace, description=WORDS, budget={"tokens": 0})


def test_what_is_for_models_is_refused_for_a_playbook(workplace: Workplace) -> None:
    text = json.dumps(plan(LOOK))
    found = problems_of(workplace, playbook=json.loads(text), tools=["files.list"], budget={"calls": 3})
    assert sorted(found) == ["budget", "tools"]


def test_model_plan_as_text_is_checked_by_line(workplace: Workplace) -> None:
    configure()
    text = "kind: model\nname: poem\ntitle: A poem\ntools:\n  - files.write\n  - no.tool\npromises:\n  - path: ../out\n"
    with pytest.raises(InvalidInput) as refused, scope.acting("person:alice"):
        submit(Order(playbook=text))
    lines = {each["path"]: each.get("line") for each in refused.value.problems}
    assert lines == {"playbook.tools[1]": 6, "playbook.promises[0].path": 8}


def test_clones_and_schedules_take_the_plan_with_them(workplace: Workplace) -> None:
    configure()
    first = workplace.submit(description=WORDS, tools=["files.write"])
    with scope.acting("person:alice"):
        again = clone(first, budget={"calls": 7}).task
        schedule = create(Wanted("nightly", Order(description=WORDS, model="local/small"), "interval", "1 h"))
        fired = run_now(schedule.id)
    kept = plan_kept(again)
    assert (kept.tools, kept.budget.calls, again.description) == (["files.write"], 7, WORDS)
    assert plan_kept(fired).models == ["local/small"]
