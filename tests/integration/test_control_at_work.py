"""What people do with tasks while real workers run them: what is kept, what is repeated, what stays as it was."""

from collections.abc import Iterator

import pytest

from models import scope
from models.states import State
from models.step import StepState
from models.task import Task
from tasks.control import emergency
from tasks.control import one_task as control
from tasks.orders import cloning
from tests.support.language_models import configure
from tests.support.model_server import playing
from tests.support.processes import wait_until
from tests.support.workplace import AgentWanted, Workplace, plan, program, write

pytestmark = pytest.mark.usefixtures("celery_worker_cluster")

GREETING = {"type": "object", "properties": {"name": {"type": "string"}}}
ADD = "open('output/a.txt', 'a').write('+')"
LONG = plan(write("output/a.txt", "first", name="first"), program("sleep", "60", name="long"))


@pytest.fixture(scope="module")
def agents() -> list[AgentWanted]:
    return [AgentWanted("scout", "1-5", 2)]


@pytest.fixture(scope="module")
def step_wall_s() -> int:
    return 90


@pytest.fixture(autouse=True)
def as_alice() -> Iterator[None]:
    with scope.acting("person:alice"):
        yield


def in_state(workplace: Workplace, task_id: str, state: State) -> Task:
    """The task once it is in that state."""
    wait_until(lambda: workplace.task(task_id).state == state, 60, f"{state}: {workplace.kinds(task_id)}")
    return workplace.task(task_id)


def at_work(workplace: Workplace) -> str:
    """A task whose second step runs for a minute, once it does."""
    task_id = workplace.submit(LONG, complexity=2)
    workplace.wait_for(task_id, "step.started long", 60)
    return task_id


def test_a_replay_repeats_the_later_steps_and_ends_with_the_same_files(workplace: Workplace) -> None:
    steps = [
        write("output/a.txt", "{{ inputs.name }}", name="first"),
        program("cp", "output/a.txt", "output/b.txt", name="second"),
        program("python3", "-c", ADD, name="third"),
    ]
    task_id = workplace.submit(plan(*steps, inputs=GREETING), inputs={"name": "you"})
    workplace.succeeded(task_id)
    before, files = workplace.steps(task_id), workplace.files(task_id)
    control.replay(task_id, "second")
    task = workplace.succeeded(task_id)
    assert workplace.files(task_id) == files == {"output/a.txt": b"you+", "output/b.txt": b"you"}
    assert (task.epoch, task.steps_done) == (2, 3)
    again = [each.data["key"] for each in workplace.events(task_id) if each.kind == "step.started"]
    assert again == ["first", "second", "third", "second", "third"]
    assert before["first"].id == workplace.steps(task_id)["first"].id
    clone = cloning.clone(task_id, {"name": "me"}).task.id
    assert workplace.succeeded(clone).cloned_from_id == task_id
    assert workplace.files(clone)["output/b.txt"] == b"me"


def test_a_retry_goes_on_where_it_failed_in_the_folder_as_it_was_then(workplace: Workplace) -> None:
    breaks = program("python3", "-c", f"{ADD}; raise SystemExit(3)", name="breaks")
    task_id = workplace.submit(plan(write("output/a.txt", "whole", name="first"), breaks))
    workplace.failed(task_id)
    control.retry(task_id)
    wait_until(lambda: workplace.kinds(task_id).count("task.failed") == 2, 60, "it has failed again")
    assert workplace.kinds(task_id).count("step.started first") == 1
    assert workplace.kinds(task_id).count("step.started breaks") == 2
    assert workplace.files(task_id) == {"output/a.txt": b"whole+"}


def test_a_running_task_is_cancelled_and_retried(workplace: Workplace) -> None:
    task_id = at_work(workplace)
    assert control.cancel(task_id).state == State.RUNNING
    in_state(workplace, task_id, State.CANCELLED)
    control.retry(task_id)
    wait_until(lambda: workplace.kinds(task_id).count("step.started long") == 2, 60, "the step runs again")
    assert workplace.kinds(task_id).count("step.started first") == 1
    control.cancel(task_id)
    task = in_state(workplace, task_id, State.CANCELLED)
    assert workplace.steps(task_id)["long"].state == StepState.FAILED
    assert (task.epoch, workplace.kinds(task_id)[-1]) == (2, "task.cancelled")


def test_everything_stops_and_goes_on_after_the_release(workplace: Workplace) -> None:
    task_id = at_work(workplace)
    emergency.stop("a test")
    waits = workplace.submit(plan(write("output/a.txt", "later")), complexity=2)
    assert in_state(workplace, task_id, State.PAUSED).emergency_at is not None
    assert workplace.task(waits).state == State.QUEUED
    emergency.release()
    wait_until(lambda: workplace.kinds(task_id).count("step.started long") == 2, 60, "the step runs again")
    control.cancel(task_id)
    workplace.reconcile()
    workplace.succeeded(waits)
    in_state(workplace, task_id, State.CANCELLED)


def test_a_models_call_ends_with_its_connection_when_the_task_is_stopped_or_cancelled(workplace: Workplace) -> None:
    slow = {"text": "Once upon a time " * 5000, "piece_delay_s": 0.02, "times": 2}
    with playing([[slow, {"text": "The end."}]]) as server:
        configure(server.url, input_price=0, output_price=0)
        task_id = workplace.submit(description="Tell me a long story.", complexity=2)
        asked = server.journal.entries
        wait_until(lambda: len(asked()) == 1, 90, "the model is asked")
        control.pause(task_id, now=True)
        in_state(workplace, task_id, State.PAUSED)
        wait_until(lambda: asked()[0]["outcome"] == "gone", 30, "the connection is closed")
        control.resume(task_id)
        wait_until(lambda: len(asked()) == 2, 60, "it is asked again")
        control.cancel(task_id)
        in_state(workplace, task_id, State.CANCELLED)
        wait_until(lambda: asked()[1]["outcome"] == "gone", 30, "the connection is closed")
        control.retry(task_id)
        workplace.succeeded(task_id)
    step = workplace.steps(task_id)["m1"]
    assert (step.stdout, len(asked())) == ("The end.", 3)
