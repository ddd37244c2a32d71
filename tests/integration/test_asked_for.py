"""A task for a model is asked for by API, Python client and command line, with all that may be said."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from models import scope
from models.database import bare_app, db, reading
from models.plan import Plan
from models.task import Task
from opscore_sdk import InvalidRequest, OpsCoreClient
from settings import Settings
from tests.support.language_models import configure
from tests.support.web import Address, web_here
from worker.command_line.program import program

WORDS = "Sort the numbers."
SAID: dict[str, Any] = {
    "tools": ["python.run", "files.write"],
    "model": "local/large",
    "budget": {"tokens": 5000, "cost": 0.25, "calls": 40, "wall_s": 1200},
    "promises": ["output/sorted.txt"],
    "approvals": ["python.run"],
}


@pytest.fixture
def web(sqlite: Settings) -> Iterator[Address]:
    app = bare_app(sqlite)
    with app.app_context(), scope.acting("person:alice"):
        configure("http://127.0.0.1:9/v1", "small", "large", input_price=0, output_price=0)
        with web_here(sqlite) as running:
            yield running
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(web: Address) -> Iterator[OpsCoreClient]:
    with OpsCoreClient(web.url, web.token) as made:
        yield made


def the_only_plan() -> tuple[Task, dict[str, Any]]:
    with reading() as session:
        task = session.scalars(select(Task)).one()
        return task, session.scalars(select(Plan.content).where(Plan.id == task.plan_id)).one()


def is_as_said() -> bool:
    task, plan = the_only_plan()
    budget = {name: value for name, value in plan["budget"].items() if value is not None}
    promises = [each["path"] for each in plan["promises"]]
    found = {"tools": plan["tools"], "model": plan["models"][0], "budget": budget, "promises": promises}
    return task.description.strip() == WORDS and {**found, "approvals": plan["approvals"]} == SAID


def opscore(*arguments: str, **more: Any) -> Result:
    return CliRunner().invoke(program, arguments, catch_exceptions=False, **more)


def test_client_asks_for_it(client: OpsCoreClient) -> None:
    task = client.submit(description=WORDS, **SAID)
    assert task.title == WORDS
    assert is_as_said()


@pytest.mark.parametrize("words", [WORDS, "-"])
def test_command_line_asks_for_it(web: Address, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("OPSCORE_URL", web.url)
    options = ["--tool", "python.run", "--tool", "files.write", "--model", "local/large", "--budget-tokens", "5000"]
    options += ["--budget-cost", "0.25", "--budget-calls", "40", "--budget-wall", "20 min"]
    options += ["--promise", "output/sorted.txt", "--approve", "python.run"]
    done = opscore("ask", words, *options, input=WORDS)
    assert done.exit_code == 0, done.output
    assert is_as_said()


def test_mistakes_are_named_by_their_fields(client: OpsCoreClient) -> None:
    with pytest.raises(InvalidRequest) as refused:
        client.submit(description=WORDS, tools=["no.tool"], model="local/huge", promises=["/etc/passwd"])
    assert {each.path for each in refused.value.problems} == {"tools[0]", "model", "promises[0].path"}


def test_schedule_asks_for_it_again_and_again(web: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCORE_URL", web.url)
    made = opscore("schedule", "create", "nightly", "--ask", WORDS, "--every", "1 h", "--tool", "files.write")
    assert made.exit_code == 0, made.output
    fired = opscore("schedule", "run", "nightly")
    assert fired.exit_code == 0, fired.output
    task, plan = the_only_plan()
    assert (task.description, plan["tools"]) == (WORDS, ["files.write"])


def test_plan_in_a_file_is_submitted(web: Address, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPSCORE_URL", web.url)
    file = tmp_path / "haiku.yaml"
    file.write_text("kind: model\nname: haiku\ntitle: Write a haiku\ntools: [files.write]\n")
    done = opscore("run", str(file), "--budget-tokens", "900")
    assert done.exit_code == 0, done.output
    task, plan = the_only_plan()
    assert (task.title, plan["kind"], plan["budget"]["tokens"]) == ("Write a haiku", "model", 900)
