"""What a person reads before they agree to a whole plan."""

from models.task import Task
from tasks.approvals import card
from tasks.plans.model_plan import ModelPlan
from webapp import approval_values
from webapp.approval_values import Value

TASK = Task(id="t", epoch=1, title="Write", description="Write a letter.", inputs={"to": "Carol\u202e", "copies": 2})


def shown(**plan: object) -> dict[str, Value]:
    values = approval_values.of_plan(card.of_plan(TASK, ModelPlan.model_validate(plan)))
    return {value.name: value for value in values}


def test_the_lists_and_the_budget_of_a_plan_are_read_without_json() -> None:
    found = shown(
        tools=["files.read", "files.write"],
        models=["house/small"],
        budget={"cost": 0.5, "tokens": 200_000, "wall_s": 1800},
        promises=[{"path": "output/a.md", "check": "citations"}, {"path": "output/b.md"}],
        files={"data/a.csv": "1,2"},
        additions="Mail it.\nTo everybody.",
    )
    assert found["may use"].items == ["files.read", "files.write"]
    assert found["thinks with"].items == ["house/small"]
    assert found["must leave"].items == ["output/a.md, which must pass the check citations", "output/b.md"]
    assert [line.split(": at most ")[1] for line in found["budget"].items] == ["0.5", "200 k", "30 min"]
    assert found["files of the plan"].items[0].startswith("data/a.csv, SHA-256 ")
    assert (found["said besides"].text, found["said besides"].is_block) == ("Mail it.\nTo everybody.", True)
    assert (found["input to"].text, found["input copies"].text) == ("Carol\\u202e", "2")
    assert not [value.name for value in found.values() if value.text.startswith(("{", "["))]


def test_what_a_plan_leaves_open_is_said_in_words() -> None:
    found = shown()
    assert (found["may use"].none, found["must leave"].none) == ("no tool: it only answers", "no file")
    assert (found["budget"].items, found["budget"].none) == ([], "no limit of its own")


def test_no_line_of_a_list_looks_like_two() -> None:
    assert shown(promises=[{"path": "a\nfiles.delete"}])["must leave"].items == ["a\\nfiles.delete"]


def test_a_list_of_many_says_how_many_are_left_out() -> None:
    promises = [{"path": f"output/{number}.md"} for number in range(9)]
    assert shown(promises=promises)["must leave"].beginning.items[-2:] == ["output/4.md", "… 4 more"]
