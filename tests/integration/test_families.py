"""Tasks that hand parts of themselves on, through real workers: results, failures, ends, and no deadlock."""

from collections.abc import Iterator

import pytest

from models import scope
from models.states import TERMINAL, State
from tasks.control import one_task as control
from tests.support.boxed import new_marker, processes_with
from tests.support.families import family, family_of_25, hand_on, leaf, states
from tests.support.processes import wait_until
from tests.support.workplace import LOOK, AgentWanted, Workplace, plan, program, write

pytestmark = pytest.mark.usefixtures("celery_worker_cluster")


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def step_wall_s() -> int:
    return 120


@pytest.fixture(scope="module")
def agents() -> list[AgentWanted]:
    """One has one place only: whoever held it while they wait would hold up everybody."""
    return [AgentWanted("lead", "1-2", 1), AgentWanted("scout", "3-5", 1)]


@pytest.fixture(autouse=True)
def as_alice() -> Iterator[None]:
    with scope.acting("person:alice"):
        yield


def test_family_of_25_ends_well_with_one_place(workplace: Workplace) -> None:
    first = workplace.submit(family_of_25())
    task = workplace.succeeded(first, 120)
    found = family(workplace, first)
    assert states(workplace, first) == {State.SUCCEEDED: 25}
    assert {each.agent for each in found} == {"scout"}
    assert sorted(each.depth for each in found) == [0] + [1] * 8 + [2] * 16
    output = workplace.steps(first)["share_out"].output
    assert (output["succeeded"], output["failed"]) == (8, 0)
    assert [each["title"] for each in output["children"]] == [f"Part {number}" for number in range(8)]
    assert task.run_number == 2
    assert workplace.kinds(first).count("child.ended") == 24


def test_family_of_25_on_two_agents_ends_well(workplace: Workplace) -> None:
    first = workplace.submit(family_of_25(middle={"complexity": 1}, last={"complexity": 2}))
    workplace.succeeded(first, 120)
    assert states(workplace, first) == {State.SUCCEEDED: 25}
    assert {each.agent for each in family(workplace, first)} == {"lead", "scout"}


def test_family_of_25_on_two_agents_is_cancelled_as_one(workplace: Workplace) -> None:
    marker = new_marker()
    sleeps = {"playbook": plan(program("sleep", "300", marker))}
    first = workplace.submit(family_of_25(middle={"complexity": 1}, last=sleeps), complexity=3)
    wait_until(lambda: len(family(workplace, first)) == 25, 60, lambda: str(states(workplace, first)))
    wait_until(lambda: processes_with(marker), 60, "a part at work")
    control.cancel(first)
    wait_until(lambda: states(workplace, first) == {State.CANCELLED: 25}, 60, lambda: str(states(workplace, first)))
    assert processes_with(marker) == []
    assert {each.agent for each in family(workplace, first)} >= {"lead", "scout"}
    workplace.reconcile()
    assert states(workplace, first) == {State.CANCELLED: 25}


def test_files_go_to_the_part_and_come_back(workplace: Workplace) -> None:
    copies = program("cp", "src/handed/output/question.txt", "output/answer.txt")
    parts = [{"title": "Answer it!", "playbook": plan(copies), "files": ["output/question.txt"]}]
    first = workplace.submit(plan(write("output/question.txt", "Why?"), hand_on(*parts)))
    workplace.succeeded(first)
    assert workplace.files(first)["team/1-answer-it/answer.txt"] == b"Why?"
    [child] = workplace.steps(first)["share_out"].output["children"]
    assert child["files"] == ["team/1-answer-it/answer.txt"]
    assert child["state"] == "succeeded"


def test_failure_of_a_part_names_it_and_a_retry_opens_it_again(workplace: Workplace) -> None:
    fails = {"title": "Breaks", "playbook": plan(LOOK, program("test", "-e", "src/handed/go"))}
    first = workplace.submit(plan(hand_on(leaf("Works"), fails)))
    task = workplace.failed(first)
    assert "1 of 2 parts did not succeed: “Breaks” failed" in str(task.error_message)
    works, breaks = family(workplace, first)[1:]
    assert breaks.dead_letter_at is None
    assert task.dead_letter_at is not None
    runs = works.run_number
    control.retry(first)
    workplace.failed(first)
    works, breaks = family(workplace, first)[1:]
    assert (works.run_number, breaks.epoch) == (runs, 2)


def test_call_that_says_so_goes_on_where_parts_have_failed(workplace: Workplace) -> None:
    goes_on = hand_on(leaf("Works"), {"title": "Breaks", "playbook": plan(program("false"))}, may_fail=True)
    says = write("output/said.txt", "{{ steps.share_out.output.failed }} failed")
    first = workplace.submit(plan(goes_on, says))
    workplace.succeeded(first)
    assert workplace.files(first)["output/said.txt"] == b"1 failed"


def test_mistake_in_a_part_fails_the_step_and_names_it(workplace: Workplace) -> None:
    first = workplace.submit(plan(hand_on(leaf("Fine"), {"title": "Odd", "template": "no-such-template"})))
    task = workplace.failed(first)
    assert "tasks[1].template there is no such template" in str(task.error_message)
    assert len(family(workplace, first)) == 1


def test_parts_talk_and_share_files(workplace: Workplace) -> None:
    def shares(name: str) -> dict[str, object]:
        steps = [
            {"tool": "shared.write", "with": {"path": f"notes/{name}.txt", "text": name, "version": 0}},
            {"tool": "team.say", "with": {"text": f"{name} is done"}},
        ]
        return {"title": name, "playbook": plan(*steps), "share": True}

    reads = {"tool": "shared.read", "with": {"path": "notes/a.txt", "into": "output/a.txt"}}
    hears = {"tool": "team.read", "name": "hear"}
    first = workplace.submit(plan(hand_on(shares("a"), shares("b")), reads, hears))
    workplace.succeeded(first)
    assert workplace.files(first)["output/a.txt"] == b"a"
    heard = workplace.steps(first)["hear"].output["messages"]
    assert {each["text"] for each in heard} == {"a is done", "b is done"}
    assert {each["author"] for each in heard} == {"agent:scout"}


def test_task_that_is_cancelled_while_it_hands_on_is_cancelled_and_leaves_nothing(workplace: Workplace) -> None:
    for _ in range(3):
        first = workplace.submit(plan(hand_on({"title": "Sleeps", "playbook": plan(program("sleep", "300"))})))
        wait_until(lambda first=first: workplace.task(first).state != State.QUEUED, 60, "its run")
        control.cancel(first)
        wait_until(lambda first=first: all(each.state in TERMINAL for each in family(workplace, first)), 60, "its end")
        assert set(states(workplace, first)) == {State.CANCELLED}


def test_deadline_of_a_task_ends_its_parts(workplace: Workplace) -> None:
    first = workplace.submit(
        plan(hand_on({"title": "Sleeps", "playbook": plan(program("sleep", "300"))})), deadline="5 s"
    )
    wait_until(lambda: workplace.reconcile() and workplace.task(first).state in TERMINAL, 60, "its end")
    assert workplace.failed(first).error_code == "deadline"
    wait_until(lambda: all(each.state in TERMINAL for each in family(workplace, first)), 60, "the part's end")
