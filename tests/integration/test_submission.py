"""What is accepted, what is refused and with which words; one request is one task."""

import json
import threading
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models import scope
from models.database import db, reading
from models.errors import Conflict, InvalidInput
from models.states import State
from models.task import Task
from tasks.orders.submission import HEAD_START, Order, Submitted, submit
from tests.support.workplace import LOOK, Workplace, plan

TAKES_A_SOURCE = plan(
    LOOK,
    inputs={
        "type": "object",
        "required": ["source"],
        "properties": {"source": {"type": "string", "format": "source"}},
    },
)


def problems_of(workplace: Workplace, **order: object) -> dict[str, str]:
    """What the submission says is wrong, by path."""
    with pytest.raises(InvalidInput) as refused:
        workplace.submit(**order)  # type: ignore[arg-type]
    return {problem["path"]: problem["message"] for problem in refused.value.problems}


def refusal_of(workplace: Workplace, source: Path | str) -> str:
    """The reason why this input is refused; nothing was written."""
    before = count()
    problems = problems_of(workplace, playbook=TAKES_A_SOURCE, inputs={"source": str(source)})
    assert list(problems) == ["inputs.source"]
    assert count() == before
    return problems["inputs.source"]


def count() -> int:
    with scope.acting("person:alice"), reading() as session:
        return session.scalar(select(func.count()).select_from(Task)) or 0


def test_submitted_task_waits_in_the_queue_of_its_complexity_with_its_first_event(workplace: Workplace) -> None:
    task = workplace.task(workplace.submit(plan(LOOK, title="Look around"), complexity=7))
    assert (task.state, task.queue, task.title, task.author) == (
        State.QUEUED,
        "complexity.7",
        "Look around",
        "person:alice",
    )
    assert [(event.number, event.kind) for event in workplace.events(task.id)] == [(1, "task.submitted")]


def test_higher_priority_ranks_before_what_was_submitted_earlier(workplace: Workplace) -> None:
    early = workplace.task(workplace.submit(plan(LOOK)))
    urgent = workplace.task(workplace.submit(plan(LOOK), priority=9))
    assert urgent.rank_at < early.rank_at


def test_input_under_an_allowed_root_is_taken(workplace: Workplace, input_root: Path) -> None:
    (input_root / "project").mkdir(exist_ok=True)
    assert workplace.submit(TAKES_A_SOURCE, inputs={"source": str(input_root / "project")})


def test_input_outside_the_allowed_roots_is_refused(workplace: Workplace) -> None:
    assert "must lie under an allowed folder" in refusal_of(workplace, "/etc")


def test_input_that_leaves_the_root_by_dots_is_refused(workplace: Workplace, input_root: Path) -> None:
    assert "must lie under an allowed folder" in refusal_of(workplace, f"{input_root}/../../../etc/passwd")


def test_input_that_leaves_the_root_by_a_link_is_refused(workplace: Workplace, input_root: Path) -> None:
    link = input_root / uuid.uuid4().hex
    link.symlink_to("/etc")
    assert "must lie under an allowed folder" in refusal_of(workplace, link)
    assert "must lie under an allowed folder" in refusal_of(workplace, link / "passwd")


def test_root_of_a_similar_name_is_no_allowed_root(workplace: Workplace, input_root: Path) -> None:
    neighbour = input_root.with_name(f"{input_root.name}-private")
    neighbour.mkdir(exist_ok=True)
    assert "must lie under an allowed folder" in refusal_of(workplace, neighbour)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("relative/path", "must be an absolute path"),
        ("upload:00000000-0000-7000-8000-000000000000", "this upload is not here any more"),
        ("upload:../../secrets/token", "this upload is not here any more"),
    ],
)
def test_input_that_is_no_place_is_refused(workplace: Workplace, source: str, said: str) -> None:
    assert said in refusal_of(workplace, source)


def test_missing_input_folder_is_refused(workplace: Workplace, input_root: Path) -> None:
    assert refusal_of(workplace, input_root / "nowhere") == "there is no such file or folder on this host"


def test_every_mistake_of_an_order_is_named_together(workplace: Workplace) -> None:
    found = problems_of(workplace, playbook=plan(LOOK), complexity=11, priority=-1, agent="nobody", inputs={})
    assert set(found) == {"complexity", "priority", "agent"}


def test_unknown_template_is_refused_with_those_that_there_are(workplace: Workplace) -> None:
    found = problems_of(workplace, template="survey")
    assert "survey-code-base" in found["template"]


def test_playbooks_mistakes_come_with_path_and_line(workplace: Workplace) -> None:
    text = "steps:\n  - stage: build\n    tool: no.such\n"
    with scope.acting("person:alice"), pytest.raises(InvalidInput) as refused:
        submit(Order(playbook=text))
    [problem] = refused.value.problems
    assert (problem["path"], problem["line"]) == ("playbook.steps[0].tool", 3)


def test_repeated_request_with_its_key_finds_the_first_task(workplace: Workplace) -> None:
    key = uuid.uuid4().hex
    first = workplace.submit(plan(LOOK), idempotency_key=key)
    before = count()
    assert workplace.submit(plan(LOOK), idempotency_key=key) == first
    assert count() == before


def test_key_of_another_request_is_a_conflict(workplace: Workplace) -> None:
    key = uuid.uuid4().hex
    first = workplace.submit(plan(LOOK), idempotency_key=key)
    with pytest.raises(Conflict) as refused:
        workplace.submit(plan(LOOK), title="Another", idempotency_key=key)
    assert refused.value.details["task_id"] == first


def test_one_request_sent_by_eight_threads_at_once_is_one_task(workplace: Workplace) -> None:
    order = Order(playbook=json.dumps(plan(LOOK)), idempotency_key=uuid.uuid4().hex)
    together = threading.Barrier(8)
    found: list[Submitted] = []

    def send() -> None:
        with workplace.app.app_context(), scope.acting("person:alice"):
            together.wait()
            found.append(submit(order))
            db.session.remove()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 8
    assert len({each.task.id for each in found}) == 1
    assert [each.is_new for each in found].count(True) == 1


def test_a_refused_source_is_told_together_with_the_other_inputs(workplace: Workplace) -> None:
    found = problems_of(workplace, template="survey-code-base", inputs={"source": "/etc", "top_n": 999})
    assert sorted(found) == ["inputs.source", "inputs.top_n"]


def test_limits_are_kept_in_numbers_and_a_wrong_one_names_its_cure(workplace: Workplace) -> None:
    task_id = workplace.submit(plan(LOOK), limits={"memory": "512 MiB", "wall": "5 min", "cpu": ""})
    assert workplace.task(task_id).limits == {"memory": 512 * 2**20, "wall": 300}
    problems = problems_of(workplace, playbook=plan(LOOK), limits={"memory": "lots", "ram": "1 GiB"})
    assert problems["limits.memory"].startswith("“lots” is no size: write a size such as 512 MiB")
    assert problems["limits.ram"].startswith("there is no limit ram; there are wall")


def test_delayed_task_waits_by_the_databases_clock_and_is_not_published(workplace: Workplace) -> None:
    task = workplace.task(workplace.submit(plan(LOOK), delay="5 min", deadline="1 h"))
    assert (task.published_at, task.rank_at) == (None, task.waits_until - task.priority * HEAD_START)
    assert task.deadline_at == task.waits_until + timedelta(hours=1)
    assert timedelta(minutes=4) < task.waits_until - task.submitted_at < timedelta(minutes=6)


def test_start_time_is_kept_in_utc_and_one_that_has_passed_means_at_once(workplace: Workplace) -> None:
    task = workplace.task(workplace.submit(plan(LOOK), start_at=in_a_day()))
    assert task.waits_until.isoformat() == in_a_day()
    passed = workplace.task(workplace.submit(plan(LOOK), start_at="2020-01-01T00:00:00Z"))
    assert passed.waits_until is None


@pytest.mark.parametrize(
    ("order", "path", "cure"),
    [
        ({"delay": "a while"}, "delay", "write a time such as 90 s"),
        ({"start_at": "2030-01-01 06:00"}, "start_at", "write a time with its zone"),
        ({"start_at": "2999-01-01T00:00:00Z"}, "start_at", "must be within 3660 days"),
        ({"start_at": "2026-01-01T00:00:00Z", "delay": 5}, "delay", "not both"),
        ({"deadline": "2020-01-01T00:00:00Z"}, "deadline", "must be later than the start"),
        ({"delay": "3 h", "deadline": "soon"}, "deadline", "write a length of time from the start"),
        ({"retry": {"attempts": 0}}, "retry.attempts", "attempts"),
    ],
)
def test_wrong_time_names_its_field_and_cure(
    workplace: Workplace, order: dict[str, object], path: str, cure: str
) -> None:
    problems = problems_of(workplace, playbook=plan(LOOK), **order)
    assert list(problems) == [path]
    assert cure in problems[path]


def test_what_is_said_about_retries_is_kept_in_numbers(workplace: Workplace) -> None:
    task = workplace.task(workplace.submit(plan(LOOK), retry={"attempts": 5, "first": "10 s"}))
    assert task.retry == {"attempts": 5, "first": 10}


def in_a_day() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).replace(hour=6, minute=0, second=0, microsecond=0).isoformat()
