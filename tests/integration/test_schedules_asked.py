"""Schedules as programs and people at a terminal ask for them: the API, the Python client, the command line."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from opscore_sdk import InvalidRequest, NotFound, OpsCoreClient
from settings import Settings
from tests.support.web import PLAYBOOK, Api, web_here
from worker.command_line.program import program

NEW = {"name": "look", "rule": "30 6 * * MON-FRI", "time_zone": "Europe/Berlin", "order": {"playbook": PLAYBOOK}}


@pytest.fixture
def made(api: Api) -> dict[str, Any]:
    """A schedule as the API answered it."""
    answer = api.ask("POST", "/v1/schedules", json=NEW)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def test_schedule_is_made_listed_and_shown_with_its_next_times(api: Api, made: dict[str, Any]) -> None:
    assert made["in_words"] == "At 06:30 on Monday through Friday"
    assert len(made["next_times"]) == 5
    assert made["next_times"][0] == made["next_at"]
    (listed,) = api.ask("GET", "/v1/schedules").json["schedules"]
    assert (listed["id"], listed["state"], listed["last"]) == (made["id"], "active", None)
    assert api.ask("GET", f"/v1/schedules/{made['id']}").json == made


def test_list_goes_on_after_the_cursor(api: Api) -> None:
    for name in ("b", "a", "c"):
        api.ask("POST", "/v1/schedules", json={**NEW, "name": name})
    first = api.ask("GET", "/v1/schedules?limit=2").json
    assert [each["name"] for each in first["schedules"]] == ["a", "b"]
    second = api.ask("GET", f"/v1/schedules?limit=2&cursor={first['next_cursor']}").json
    assert ([each["name"] for each in second["schedules"]], second["next_cursor"]) == (["c"], None)


def test_change_pause_resume_and_delete(api: Api, made: dict[str, Any]) -> None:
    path = f"/v1/schedules/{made['id']}"
    changed = api.ask("PATCH", path, json={"repeats": "interval", "rule": "2 h"}).json
    assert (changed["name"], changed["rule"], changed["in_words"]) == ("look", "7200", "Every 2 h")
    assert api.ask("POST", f"{path}/pause", json={}).json["state"] == "paused"
    assert api.ask("POST", f"{path}/pause", json={}).status_code == 409
    assert api.ask("POST", f"{path}/resume", json={}).json["state"] == "active"
    assert api.ask("DELETE", path).status_code == 200
    assert api.ask("GET", path).status_code == 404


def test_what_is_wrong_is_named_field_by_field(api: Api) -> None:
    wrong = {
        **NEW,
        "rule": "* *",
        "time_zone": "Mars",
        "order": {"template": "none", "deadline": "2030-01-01T00:00:00Z"},
    }
    answer = api.ask("POST", "/v1/schedules", json=wrong)
    assert answer.status_code == 422
    assert {each["path"] for each in answer.json["problems"]} == {"time_zone", "order.template", "order.deadline"}


def test_rule_is_looked_at_without_keeping_it(api: Api) -> None:
    found = api.ask("POST", "/v1/schedules/preview", json={"rule": "0 0 1 * *"}).json
    assert (found["in_words"], len(found["next_times"])) == ("At 00:00 on the first day of every month", 5)
    assert api.ask("GET", "/v1/schedules").json["schedules"] == []


def test_task_with_times_is_submitted_and_says_them(api: Api) -> None:
    body = {"playbook": PLAYBOOK, "delay": "5 min", "deadline": "1 h", "retry": {"attempts": 3}}
    made = api.ask("POST", "/v1/tasks", json=body).json
    assert made["waits_until"] < made["deadline_at"]
    assert made["retry"] == {"attempts": 3}
    assert "to start at" in made["why_queued"]
    refused = api.ask("POST", "/v1/tasks", json={**body, "delay": "soon"})
    assert [each["path"] for each in refused.json["problems"]] == ["delay"]


def test_client_and_command_line_do_the_same(sqlite: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with web_here(sqlite) as web, OpsCoreClient(web.url, web.token) as client:
        _through_the_client(client)
        monkeypatch.setenv("OPSCORE_URL", web.url)
        monkeypatch.chdir(tmp_path)
        _through_the_command_line(tmp_path)


def _through_the_client(client: OpsCoreClient) -> None:
    made = client.schedules.create("look", {"playbook": PLAYBOOK}, rule="15 min", repeats="interval")
    assert client.schedules.named("look") == made
    task = client.schedules.run(made.id)
    assert task.schedule_id == made.id
    (fired,) = client.schedules.firings(made.id)
    assert (fired.task_id, fired.outcome, fired.task_state) == (task.id, "submitted", "queued")
    assert client.schedules.change(made.id, name="other").name == "other"
    assert client.schedules.pause(made.id).state == "paused"
    assert client.schedules.resume(made.id).state == "active"
    assert [each.last for each in client.schedules.all()] == [fired]
    assert len(client.schedules.preview("0 * * * *")) == 5
    client.schedules.delete(made.id)
    with pytest.raises(NotFound):
        client.schedules.one(made.id)
    with pytest.raises(InvalidRequest):
        client.schedules.create("look", {"playbook": PLAYBOOK}, rule="* *")
    waiting = client.submit(playbook=PLAYBOOK, start_at=datetime(2030, 1, 1, tzinfo=UTC), deadline="2 h")
    assert waiting.waits_until == datetime(2030, 1, 1, tzinfo=UTC)


def _through_the_command_line(folder: Path) -> None:
    (folder / "greet.json").write_text(json.dumps(PLAYBOOK))
    assert "There is no schedule yet" in _opscore("schedule", "list").stdout
    created = _opscore("schedule", "create", "greet", "greet.json", "--cron", "0 6 * * *", "--zone", "Europe/Berlin")
    assert "At 06:00 every day" in created.stdout
    assert "06:00:00 CE" in created.stdout
    assert "greet" in _opscore("schedule", "list").stdout
    assert "Submitted" in _opscore("schedule", "run", "greet").stdout
    assert "queued" in _opscore("schedule", "show", "greet").stdout
    assert "is paused" in _opscore("schedule", "pause", "greet").stdout
    assert "goes on" in _opscore("schedule", "resume", "greet").stdout
    assert len(_opscore("schedule", "preview", "--every", "90 s").stdout.splitlines()) == 5
    refused = _opscore("schedule", "create", "two", "greet.json", "--cron", "* *", code=2)
    assert "rule: has 2 fields; write five fields" in refused.stderr
    assert "say when" in _opscore("schedule", "create", "two", "greet.json", code=2).stderr
    assert "there is no schedule nope" in _opscore("schedule", "show", "nope", code=4).stderr
    assert "is deleted" in _opscore("schedule", "delete", "greet", "--yes").stdout
    waiting = _opscore("run", "greet.json", "--delay", "1 h", "--deadline", "2 h", "--retry", "attempts=2")
    assert "It waits until" in waiting.stdout
    assert "retry.attempts" in _opscore("run", "greet.json", "--retry", "attempts=many", code=2).stderr


def _opscore(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(program, arguments, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result
