"""What a playbook promises, seen in a real run: conditions, repeats, values, files, inputs, limits, failures."""

import io
from pathlib import Path

import pytest

from models import scope
from models.states import Stage
from models.step import StepState
from tasks.orders.uploads import store
from tests.support.workplace import LOOK, AgentWanted, Workplace, plan, program, write

pytestmark = pytest.mark.usefixtures("celery_worker_cluster")
SOURCE = {
    "type": "object",
    "required": ["source"],
    "properties": {"source": {"type": "string", "format": "source"}},
}


@pytest.fixture(scope="module")
def database_kind() -> str:
    return "sqlite"


@pytest.fixture(scope="module")
def step_wall_s() -> int:
    return 5


@pytest.fixture(scope="module")
def agents() -> list[AgentWanted]:
    return [AgentWanted("scout", "1-5", 2)]


def test_step_whose_condition_does_not_hold_is_skipped(workplace: Workplace) -> None:
    wanted = {"type": "object", "properties": {"charts": {"type": "boolean"}}}
    task_id = workplace.submit(
        plan(
            {**LOOK, "name": "always", "when": "{{ not inputs.charts }}"},
            {**LOOK, "name": "never", "when": "{{ inputs.charts }}"},
            inputs=wanted,
        ),
        inputs={"charts": False},
    )
    task = workplace.succeeded(task_id)
    assert {key: step.state for key, step in workplace.steps(task_id).items()} == {
        "always": StepState.SUCCEEDED,
        "never": StepState.SKIPPED,
    }
    assert "step.started never" not in workplace.kinds(task_id)
    assert (task.steps_done, task.steps_total) == (2, 2)


def test_step_repeats_over_a_list_that_an_earlier_step_found(workplace: Workplace) -> None:
    task_id = workplace.submit(
        plan(
            program("echo", '{"parts": ["a", "b", "c"]}', name="find"),
            write("output/{{ item }}.txt", "part {{ item }}", name="each", repeat="{{ steps.find.output.parts }}"),
            write("output/sum.txt", "{{ steps.each.outputs | length }}", name="sum"),
        )
    )
    task = workplace.succeeded(task_id)
    assert list(workplace.steps(task_id)) == ["find", "each[0]", "each[1]", "each[2]", "sum"]
    assert (task.steps_done, task.steps_total) == (5, 5)
    assert workplace.files(task_id) == {
        "output/a.txt": b"part a",
        "output/b.txt": b"part b",
        "output/c.txt": b"part c",
        "output/sum.txt": b"3",
    }


def test_repeat_over_what_is_no_list_fails_with_the_step_named(workplace: Workplace) -> None:
    task = workplace.failed(workplace.submit(plan({**LOOK, "name": "each", "repeat": "{{ task.title }}"})))
    assert task.error_code == "invalid_input"
    assert "cannot repeat each" in str(task.error_message)


def test_value_that_an_earlier_step_does_not_have_fails_with_the_step_named(workplace: Workplace) -> None:
    steps = [{**LOOK, "name": "look"}, write("output/x", "{{ steps.look.output.rows }}", name="use")]
    task = workplace.failed(workplace.submit(plan(*steps)))
    assert "cannot begin the step use" in str(task.error_message)


def test_files_that_a_playbook_brings_are_there_before_its_first_step(workplace: Workplace) -> None:
    task_id = workplace.submit(plan(program("cat", "src/words.txt"), files={"src/words.txt": "brought along"}))
    workplace.succeeded(task_id)
    assert workplace.steps(task_id)["terminal_run_1"].stdout == "brought along"


def test_input_folder_is_copied_in_and_the_original_is_left_alone(workplace: Workplace, input_root: Path) -> None:
    (input_root / "code" / "deep").mkdir(parents=True)
    (input_root / "code" / "deep" / "a.py").write_text("a = 1\n")
    erase = program("rm", "-r", "{{ input.path }}/deep", name="erase")
    task_id = workplace.submit(
        plan(program("cat", "src/input/deep/a.py", name="read"), erase, inputs=SOURCE),
        inputs={"source": str(input_root / "code")},
    )
    workplace.succeeded(task_id)
    steps = workplace.steps(task_id)
    assert steps["read"].stdout == "a = 1\n"
    assert steps["erase"].changes["removed"] == ["src/input/deep/a.py"]
    assert (input_root / "code" / "deep" / "a.py").read_text() == "a = 1\n"


def test_upload_is_copied_in_under_its_own_name(workplace: Workplace) -> None:
    with scope.acting("person:alice"):
        upload = store("prices of June.csv", io.BytesIO(b"a,b\n1,2\n"))
    task_id = workplace.submit(
        plan(program("cat", "{{ input.path }}"), inputs=SOURCE), inputs={"source": f"upload:{upload.id}"}
    )
    workplace.succeeded(task_id)
    step = workplace.steps(task_id)["terminal_run_1"]
    assert step.arguments["command"] == ["cat", "src/input/prices of June.csv"]
    assert step.stdout == "a,b\n1,2\n"


def test_failing_command_fails_the_task_with_its_exit_code_and_first_error_line(workplace: Workplace) -> None:
    complain = 'BEGIN { print "warming up"; print "error: no rows in orders.csv" > "/dev/stderr"; exit 3 }'
    task_id = workplace.submit(plan(program("awk", complain, name="count"), {**LOOK, "name": "later"}))
    task = workplace.failed(task_id)
    step = workplace.steps(task_id)["count"]
    assert (step.state, step.exit_code, step.stdout) == (StepState.FAILED, 3, "warming up\n")
    assert step.error_message == "no rows in orders.csv"
    assert (task.error_code, step.error_code) == ("exit_code", "exit_code")
    assert task.error_message == "cannot finish the step “Count”: no rows in orders.csv"
    assert "later" not in workplace.steps(task_id)
    assert workplace.kinds(task_id)[-2:] == ["step.finished count", "task.failed"]


def test_step_that_goes_over_its_time_is_ended_and_the_limit_is_named(workplace: Workplace) -> None:
    task_id = workplace.submit(plan(program("sleep", "60", name="nap")))
    task = workplace.failed(task_id)
    step = workplace.steps(task_id)["nap"]
    assert (step.error_code, step.resources["hit"]) == ("wall_s", "wall_s")
    assert "Time limit reached: 5 s, set by the installation; raise OPSCORE_STEP_WALL_S" in str(task.error_message)
    assert step.limits["wall"] == {"value": 5, "set_by": ["installation"]}
    [said] = [event.data["limit"] for event in workplace.events(task_id) if event.kind == "step.finished"]
    assert said == {"name": "wall", "value": 5, "set_by": ["installation"]}
    assert workplace.told.step_wall_s <= step.resources["wall_s"] < workplace.told.step_wall_s + 3


def test_tightest_of_plan_step_and_task_holds_and_says_who_set_it(workplace: Workplace) -> None:
    steps = program("true", name="own", limits={"wall": "2 s"}), program("sleep", "60", name="nap")
    task_id = workplace.submit(plan(*steps, limits={"wall": "1 min"}), limits={"wall": "1 s", "memory": "64 GiB"})
    assert "Time limit reached: 1 s, set by the task; " in str(workplace.failed(task_id).error_message)
    own, nap = (workplace.steps(task_id)[name].limits for name in ("own", "nap"))
    assert own["wall"] == nap["wall"] == {"value": 1, "set_by": ["task"]}
    assert nap["memory"]["set_by"] == ["installation"]


def test_program_that_is_not_allowed_fails_the_task(workplace: Workplace) -> None:
    task = workplace.failed(workplace.submit(plan(program("bash", "-c", "true"))))
    assert "not on the allow-list" in str(task.error_message)


def test_stages_are_entered_once_each_and_ticked_off_in_the_readme(workplace: Workplace) -> None:
    stages = [Stage.DESIGN, Stage.BUILD, Stage.BUILD, Stage.REVIEW]
    look_at_readme = program("cat", "README.md", name="readme", stage="review")
    steps = [{**LOOK, "name": f"s{index}", "stage": stage} for index, stage in enumerate(stages[:3])]
    task_id = workplace.submit(plan(*steps, look_at_readme, title="Tick off"))
    assert workplace.succeeded(task_id).stage == Stage.COMPLETE
    entered = [event.data["stage"] for event in workplace.events(task_id) if event.kind == "stage.entered"]
    assert entered == ["design", "build", "review"]
    readme = workplace.steps(task_id)["readme"].stdout
    assert readme.startswith("# Tick off\n")
    assert "- [x] design\n- [x] build\n- [ ] review\n- [ ] complete\n" in readme


def test_workspace_is_ready_within_a_second_and_says_what_it_holds(workplace: Workplace) -> None:
    task_id = workplace.submit(plan(LOOK, files={"src/a.txt": "abc"}))
    workplace.succeeded(task_id)
    [ready] = [event.data for event in workplace.events(task_id) if event.kind == "workspace.ready"]
    assert ready["files"] == 2 and ready["bytes"] > 3
    assert ready["wall_ms"] < 1000
