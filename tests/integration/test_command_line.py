"""bin/opscore against a running web application, and against none: what it prints, and its exit codes."""

import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import settings
from models import scope
from models.database import bare_app, db, writing
from models.states import State
from models.task import Task
from models.workspace import Workspace as WorkspaceRow
from opscore_sdk import OpsCoreClient
from settings import Settings
from tasks.folders import workspaces_root
from tests.support.factories import every_state, make_event, make_step, make_task
from tests.support.web import PLAYBOOK, Address, live_web, web_here
from tools.packages import lock
from tools.workspace import Workspace
from worker.command_line.program import program

Opscore = Callable[..., Result]


@pytest.fixture
def tasks(sqlite: Settings) -> Iterator[dict[str, Task]]:
    """A task in every state; the succeeded one has files.  Within, alice acts."""
    app = bare_app(sqlite)
    with app.app_context(), scope.acting("person:alice"):
        with writing() as session:
            made = every_state(session)
            session.add(WorkspaceRow(task_id=made["succeeded"].id, store="host", folder="w1"))
        Workspace.create(workspaces_root(), "w1").write_bytes("output/report.html", b"<h1>Done</h1>")
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def web(sqlite: Settings) -> Iterator[Address]:
    with web_here(sqlite) as running:
        yield running


@pytest.fixture
def opscore(web: Address, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Opscore:
    """Run bin/opscore with these arguments, in a folder of its own."""
    monkeypatch.setenv("OPSCORE_URL", web.url)
    monkeypatch.chdir(tmp_path)
    return run


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, arguments, catch_exceptions=False)


def as_json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_file_with_a_playbook_is_run(opscore: Opscore, tmp_path: Path) -> None:
    (tmp_path / "greet.json").write_text(json.dumps(PLAYBOOK))
    made = as_json(opscore("run", "greet.json", "-i", "name=42", "--complexity", "7", "--title", "Mine", "--json"))
    assert (made["title"], made["complexity"], made["inputs"]) == ("Mine", 7, {"name": "42"})


def test_a_start_time_that_has_passed_is_said_to_mean_at_once(opscore: Opscore, tmp_path: Path) -> None:
    (tmp_path / "greet.json").write_text(json.dumps(PLAYBOOK))
    passed = opscore("run", "greet.json", "-i", "name=42", "--start", "2020-01-01T00:00:00Z").stdout
    assert "Its start time has passed: it begins at once." in passed
    later = opscore("run", "greet.json", "-i", "name=42", "--start", "2099-01-01T00:00:00Z")
    assert later.exit_code == 2 and "must be within" in later.stderr


def test_limits_go_with_the_task_and_are_shown(opscore: Opscore, tmp_path: Path) -> None:
    (tmp_path / "greet.json").write_text(json.dumps(PLAYBOOK))
    options = ("--limit", "memory=512MiB", "--limit", "wall=5 min")
    made = as_json(opscore("run", "greet.json", "-i", "name=42", *options, "--json"))
    assert made["limits"] == {"memory": 512 * 2**20, "wall": 300}
    assert "wall 5 min, memory 512 MiB" in opscore("task", "show", made["id"]).stdout


def test_an_agents_limits_are_set_shown_and_taken_away(opscore: Opscore, tasks: dict[str, Task]) -> None:
    assert "none of its own" in opscore("agent", "limits", "scout").stdout
    assert "scout: memory 1 GiB" in opscore("agent", "limits", "scout", "--limit", "memory=1g").stdout
    shown = opscore("agent", "show", "scout").stdout
    assert "memory 1 GiB" in shown and "tier 1: bubblewrap" in shown and "own processes, no network" in shown
    assert as_json(opscore("agent", "limits", "scout", "--limit", "memory=none", "--json"))["limits"] == {}


def test_processes_that_ended_with_a_step_are_shown(opscore: Opscore, tasks: dict[str, Task]) -> None:
    with writing() as session:
        step = make_step(session, tasks["queued"], 4)
        step.resources = {**step.resources, "processes_killed": 2}
    assert "2 processes ended with the call" in opscore("task", "show", tasks["queued"].id).stdout


@pytest.mark.parametrize("value", ["@data.csv", "data.csv"])
def test_a_file_for_a_source_is_uploaded(opscore: Opscore, tmp_path: Path, value: str) -> None:
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    made = as_json(opscore("run", "analyse-table", "-i", f"table={value}", "--json"))
    assert made["inputs"]["table"].startswith("upload:")


def test_a_folder_for_a_source_is_uploaded_as_an_archive(opscore: Opscore, tmp_path: Path, sqlite: Settings) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("x = 1\n")
    made = as_json(opscore("run", "survey-code-base", "-i", "source=@code", "--json"))
    upload = sqlite.data_dir / "uploads" / made["inputs"]["source"].removeprefix("upload:")
    with zipfile.ZipFile(upload) as archive:
        assert "a.py" in archive.namelist()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "nope"], 4, "analyse-table, research-question, survey-code-base"),
        (["run", "nope.yaml"], 2, "there is no file nope.yaml"),
        (["run", "analyse-table"], 2, "inputs.table"),
        (["run", "analyse-table", "-i", "table"], 2, "-i KEY=VALUE"),
        (["run", "analyse-table", "-i", "table=@nope.csv"], 2, "there is no file or folder nope.csv"),
        (["run", "survey-code-base", "-i", "source=/etc"], 2, "OPSCORE_INPUT_ROOTS"),
        (["task", "show", "nope"], 4, "there is no task nope; bin/opscore task list shows"),
        (["run", "analyse-table", "--limit", "memory=lots"], 2, "write a size such as 512 MiB"),
        (["run", "analyse-table", "--limit", "memory"], 2, "write --limit memory=512MiB"),
        (["agent", "show", "nobody"], 4, "cannot find the agent"),
        (["agent", "limits", "scout", "--limit", "ram=1GiB"], 2, "there are wall, cpu, memory"),
        (["task", "show", "0193f000-0000-7000-8000-000000000000"], 4, "none with this id"),
        (["task", "get", "last", "nope.txt"], 4, "none was prepared yet"),
        (["task", "list", "--state", "asleep"], 2, "asleep"),
        (["nope"], 2, "No such command"),
    ],
)
def test_what_is_wrong_is_one_clear_sentence(
    opscore: Opscore, tasks: dict[str, Task], arguments: list[str], code: int, said: str
) -> None:
    result = opscore(*arguments)
    assert (result.exit_code, said in result.stderr) == (code, True), result.output
    assert "Traceback" not in result.output


def test_tasks_are_listed_and_filtered(opscore: Opscore, tasks: dict[str, Task]) -> None:
    assert len(as_json(opscore("task", "list", "--json"))["tasks"]) == len(State)
    failed = as_json(opscore("--json", "task", "list", "--state", "failed"))["tasks"]
    assert [task["id"] for task in failed] == [tasks["failed"].id]
    assert tasks["failed"].id in opscore("task", "list", "-q", "analyse").stdout


def test_a_task_is_shown_with_its_steps(opscore: Opscore, tasks: dict[str, Task]) -> None:
    shown = as_json(opscore("task", "show", tasks["failed"].id, "--json"))
    assert (shown["state"], len(shown["steps"])) == ("failed", 3)
    for_people = opscore("task", "show", tasks["failed"].id).stdout
    assert "Measure every file" in for_people
    assert "3 columns in line 1" in for_people


def test_files_are_listed_and_fetched(opscore: Opscore, tasks: dict[str, Task], tmp_path: Path) -> None:
    task_id = tasks["succeeded"].id
    assert "output/report.html" in opscore("task", "files", task_id).stdout
    assert opscore("task", "get", task_id, "output/report.html").exit_code == 0
    assert (tmp_path / "report.html").read_text() == "<h1>Done</h1>"
    assert opscore("task", "get", task_id, "output/report.html", "-o", "-").stdout == "<h1>Done</h1>"
    assert opscore("task", "get", task_id, "-o", "all.zip").exit_code == 0
    assert "output/report.html" in zipfile.ZipFile(tmp_path / "all.zip").namelist()


def test_a_failed_download_leaves_no_file(opscore: Opscore, tasks: dict[str, Task], tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    assert opscore("task", "get", tasks["queued"].id).exit_code == 4
    assert set(tmp_path.iterdir()) == before


def test_agents_are_listed_with_their_light(opscore: Opscore, tasks: dict[str, Task]) -> None:
    agents = {agent["name"]: agent["light"] for agent in as_json(opscore("agent", "list", "--json"))["agents"]}
    assert agents == {"scout": "green", "builder": "yellow", "night-shift": "red"}
    assert "night-shift" in opscore("agent", "list").stdout


@pytest.mark.parametrize(("state", "code"), [("succeeded", 0), ("failed", 1), ("cancelled", 1)])
def test_following_an_ended_task_tells_all_and_how_it_ended(
    opscore: Opscore, tasks: dict[str, Task], state: str, code: int
) -> None:
    result = opscore("task", "follow", tasks[state].id)
    assert result.exit_code == code
    assert state.capitalize() in result.stdout
    lines = opscore("task", "follow", tasks[state].id, "--json").stdout.splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(1, tasks[state].event_count + 1))


def test_following_goes_on_through_a_restart_of_the_web_process(
    sqlite: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tasks: dict[str, Task]
) -> None:
    task = tasks["running"]
    results: list[Result] = []
    has_begun, stream = threading.Event(), OpsCoreClient.stream
    monkeypatch.setattr(OpsCoreClient, "stream", lambda *a, **k: (has_begun.set(), stream(*a, **k))[1])
    follower = threading.Thread(target=lambda: results.append(run("task", "follow", task.id, "--json")))
    with live_web(sqlite, tmp_path / "web.log") as web:
        monkeypatch.setenv("OPSCORE_URL", web.url)
        follower.start()
        assert has_begun.wait(60)  # before that a server that is away is an error
        web.stop()
        web.start()
        with writing() as session:
            row = session.merge(task)
            row.state = State.SUCCEEDED
            make_event(session, row, "task.succeeded", row.submitted_at)
        follower.join(60)
    numbers = [json.loads(line)["number"] for line in results[0].stdout.splitlines()]
    assert (results[0].exit_code, numbers) == (0, list(range(1, task.event_count + 2)))


def test_last_is_the_newest_task(opscore: Opscore, tasks: dict[str, Task]) -> None:
    with writing() as session:
        newest = make_task(session, title="Newest")
    assert as_json(opscore("task", "show", "last", "--json"))["id"] == newest.id


def test_a_wrong_token_is_said_with_its_cure(opscore: Opscore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCORE_API_TOKEN", "wrong")
    settings.load.cache_clear()
    result = opscore("task", "list")
    assert (result.exit_code, "--data" in result.stderr) == (4, True)


def test_without_a_server_the_sentence_names_the_cure(told: Settings) -> None:
    result = run("--url", "http://127.0.0.1:1", "task", "list")
    assert (result.exit_code, "bin/up" in result.stderr) == (3, True)


def test_a_wrong_setting_is_named(told: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCORE_PORT", "many")
    settings.load.cache_clear()
    result = run("token")
    assert (result.exit_code, "OPSCORE_PORT" in result.stderr) == (2, True)


def test_the_token_of_the_named_folder_is_printed(told: Settings, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "worker.command_line", "token", "--data", str(tmp_path / "other")],
        capture_output=True, text=True, check=True, cwd=settings.PROJECT,
    )  # fmt: skip
    assert done.stdout.strip() == (tmp_path / "other" / "secrets" / "token").read_text()


def test_a_link_signs_in_once(opscore: Opscore, web: Address) -> None:
    url = as_json(opscore("link", "--json"))["url"]
    assert url.startswith(f"{web.url}/sign-in/")


def test_status_says_that_nothing_runs(told: Settings) -> None:
    result = run("status")
    assert (result.exit_code, "bin/up" in result.stdout) == (3, True)
    assert json.loads(run("status", "--json").stdout) == {"is_running": False, "url": None, "processes": []}


def test_the_doctor_names_a_cure_for_what_is_missing(sqlite: Settings) -> None:
    findings = json.loads(run("doctor", "--json").stdout)["findings"]
    assert {"name", "verdict", "what", "cure"} == findings[0].keys()
    assert all(finding["cure"] for finding in findings if finding["verdict"] != "good")
    assert "database" in run("doctor").stdout


def test_a_playbook_is_checked_without_a_server(told: Settings, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.yaml"
    good.write_text(json.dumps(PLAYBOOK))
    bad.write_text("name: x\nsteps:\n- tool: nope\n  stage: build\n")
    assert as_json(run("playbook", "check", str(good), "-i", "name=you", "--json"))["calls"][0]["arguments"] == {
        "path": "output/greeting.txt",
        "text": "Hello you",
    }
    assert "1 steps" in run("playbook", "check", str(good)).stdout
    result = run("playbook", "check", str(bad))
    assert (result.exit_code, f"{bad}:3" in result.stdout) == (1, True)
    assert run("playbook", "check", str(good), "-i", "nope=1").exit_code == 1


def in_sandbox(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "worker.command_line", "sandbox", "run", "--workspace", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, check=False, cwd=settings.PROJECT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of its own: that of the test holds the installation's."""
    made = tmp_path / "folder"
    made.mkdir()
    return made


def test_a_command_in_the_sandbox_passes_on_its_output_and_exit_code(told: Settings, folder: Path) -> None:
    if run("sandbox", "probe").exit_code == 125:
        pytest.skip("this host cannot isolate")
    done = in_sandbox(folder, "--", "sh", "-c", "echo out; echo err >&2; echo x > made; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")
    assert (folder / "made").exists()
    late = in_sandbox(folder, "--timeout", "1", "--", "sleep", "30")
    assert late.returncode == 124
    assert late.stderr.startswith(b"Stopped after 1 s: the time-out (--timeout) was reached.\n")
    shown = json.loads(in_sandbox(folder, "--json", "--", "echo", "hi").stdout)
    assert (shown["exit_code"], shown["stdout"]) == (0, "hi\n")


def test_folder_of_the_host_is_worked_on_as_a_workspace_is(told: Settings, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (folder / "given.txt").write_text("given")
    (folder / "link").hardlink_to(outside)
    done = in_sandbox(folder, "--", "sh", "-c", "cat given.txt && echo made > made.txt && rm given.txt")
    assert (done.returncode, done.stdout) == (0, b"given")
    assert (folder / "made.txt").read_text() == "made\n"
    assert (folder / "made.txt").stat().st_uid == os.getuid(), "it is given back"
    assert outside.stat().st_uid == os.getuid(), "a second name may be a file that somebody else trusts"


def test_command_in_the_sandbox_has_the_packages_that_its_folder_asks_for(told: Settings, folder: Path) -> None:
    (folder / lock.FILE).write_text(f"{lock.MARK}\nnowhere==1.0 --hash=sha256:{64 * '0'}\n")
    done = in_sandbox(folder, "--", "true")
    assert done.returncode == 1
    assert b"packages.txt" in done.stderr


def test_without_isolation_nothing_is_run(told: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCORE_SANDBOX_TIER", "1")
    monkeypatch.setenv("PATH", "/nonexistent")
    settings.load.cache_clear()
    result = run("sandbox", "run", "--workspace", str(folder), "--", "touch", "made")
    assert (result.exit_code, "doctor" in result.stderr) == (125, True)
    assert not (folder / "made").exists()
    assert run("sandbox", "probe").exit_code == 125


def test_folder_that_holds_more_than_a_task_is_refused_and_left_as_it_is(told: Settings, tmp_path: Path) -> None:
    for folder in ("/", "/etc", str(tmp_path), str(told.data_dir)):
        result = run("sandbox", "run", "--workspace", folder, "--", "true")
        assert (result.exit_code, "mktemp -d" in result.stderr) == (1, True), folder
    assert (Path("/etc").stat().st_uid, tmp_path.stat().st_uid) == (0, os.getuid())


def test_help_is_there_for_every_command() -> None:
    for arguments in ([], ["run"], ["task"], ["task", "get"], ["sandbox", "run"], ["playbook", "check"]):
        assert run(*arguments, "--help").exit_code == 0


@pytest.mark.parametrize("command", ["token", "link"])
def test_folder_without_an_installation_is_named_and_not_made(
    command: str, told: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = tmp_path / "typo"
    monkeypatch.setenv("OPSCORE_DATA_DIR", str(nowhere))
    settings.load.cache_clear()
    result = run(command)
    assert (result.exit_code, f"no OpsCore in {nowhere}" in result.stderr) == (3, True)
    assert not nowhere.exists()
