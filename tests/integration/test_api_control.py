"""The API's side of control: what each call answers, what it refuses, and that repeating does no harm."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from models import scope
from models.database import db, writing
from models.plan import Plan
from models.states import State
from models.task import Task
from settings import Settings
from tasks.queueing import waking
from tests.support.conversations import some_providers
from tests.support.factories import every_state, make_task
from tests.support.web import PLAYBOOK, Api
from webapp import create_app

WHOLE_PLAN = {**PLAYBOOK, "title": "Greet", "version": "7"}


@pytest.fixture
def tasks(api: Api, monkeypatch: pytest.MonkeyPatch) -> dict[str, Task]:
    """A task in every state."""
    monkeypatch.setattr(waking, "send_wake_up", lambda queue, task_id: None)
    with writing() as session:
        return every_state(session)


@pytest.fixture
def web(sqlite: Settings) -> Iterator[Flask]:
    app = create_app(sqlite)
    with app.app_context():
        with scope.acting("person:alice"):
            yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def api(web: Flask, sqlite: Settings) -> Api:
    return Api(web.test_client(), sqlite.token)


def get(api: Api, path: str) -> Any:
    db.session.remove()  # each request of a real server has a session of its own
    return api.ask("GET", path).json


def post(api: Api, path: str, **body: Any) -> Any:
    answer = api.ask("POST", path, json=body)
    return answer.json if answer.status_code < 300 else (answer.status_code, answer.json["code"], answer.json["detail"])


def test_each_act_answers_with_the_task_as_it_stands_then(api: Api, tasks: dict[str, Task]) -> None:
    of = {state: f"/v1/tasks/{task.id}" for state, task in tasks.items()}
    assert post(api, f"{of['running']}/pause")["wishes"] == ["pause"]
    assert post(api, f"{of['running']}/resume")["wishes"] == []
    assert post(api, f"{of['running']}/pause", now=True)["wishes"] == ["stop"]
    assert post(api, f"{of['running']}/cancel")["wishes"] == ["cancel", "stop"]
    assert post(api, f"{of['queued']}/pause")["state"] == "paused"
    assert post(api, f"{of['queued']}/resume")["state"] == "queued"
    assert post(api, f"{of['queued']}/cancel")["state"] == "cancelled"
    assert post(api, f"{of['succeeded']}/replay", from_step=2)["epoch"] == 2
    assert post(api, f"{of['cancelled']}/retry")["state"] == "queued"
    question = get(api, of["waiting"])["question"]
    assert (question["kind"], question["choices"]) == ("once_cut", ["retry", "done", "fail"])
    answered = post(api, f"{of['waiting']}/answer", choice="done", step=question["step"])
    assert (answered["state"], answered["question"]) == ("queued", None)


def test_a_dead_letter_is_listed_until_it_is_dismissed(api: Api, tasks: dict[str, Task]) -> None:
    assert api.ask("POST", f"/v1/tasks/{tasks['failed'].id}/retry", json={}).json["dead_letter_at"] is None
    with writing() as session:
        task = make_task(session, State.FAILED, dead_letter_at=tasks["failed"].submitted_at)
    listed = get(api, "/v1/tasks?dead_letters=true")["tasks"]
    assert [each["id"] for each in listed] == [task.id]
    assert post(api, f"/v1/tasks/{task.id}/dismiss")["dead_letter_at"] is None
    assert get(api, "/v1/tasks?dead_letters=true")["tasks"] == []
    assert post(api, f"/v1/tasks/{task.id}/restore")["dead_letter_at"] is not None


def test_what_is_refused_says_why_and_what_to_do(api: Api, tasks: dict[str, Task]) -> None:
    status, code, detail = post(api, f"/v1/tasks/{tasks['succeeded'].id}/pause")
    assert (status, code) == (409, "conflict")
    assert detail == "cannot pause task: it has succeeded; only what still runs can be paused"
    assert post(api, "/v1/tasks/0193f000-0000-7000-8000-000000000000/cancel")[0] == 404
    assert post(api, f"/v1/tasks/{tasks['succeeded'].id}/replay", from_step="nope")[0] == 422
    assert post(api, f"/v1/tasks/{tasks['waiting'].id}/answer", choice="perhaps")[0] == 422


def test_steps_of_the_past_are_marked(api: Api, tasks: dict[str, Task]) -> None:
    post(api, f"/v1/tasks/{tasks['succeeded'].id}/replay", from_step="check")
    steps = get(api, f"/v1/tasks/{tasks['succeeded'].id}/steps")["steps"]
    assert [(step["attempt"], step["superseded_at"] is None) for step in steps] == [(1, True)] * 2 + [(1, False)] * 3


def test_a_clone_follows_the_same_plan_with_other_inputs(api: Api, web: Flask) -> None:
    with writing() as session:
        told: dict[str, Any] = {"inputs": {"name": "you"}, "limits": {"memory": 2**29}, "template": "gone"}
        task = make_task(session, State.SUCCEEDED, plan=Plan(content=WHOLE_PLAN), priority=7, title="Mine", **told)
    made = post(api, f"/v1/tasks/{task.id}/clone", inputs={"name": "me"})
    assert (made["inputs"], made["cloned_from_id"], made["state"]) == ({"name": "me"}, task.id, "queued")
    assert (made["title"], made["priority"], made["limits"], made["template"]) == ("Mine", 7, {"memory": 2**29}, "gone")
    other = post(api, f"/v1/tasks/{task.id}/clone", title="Other", complexity=9, priority=None)
    assert (other["inputs"], other["title"], other["complexity"], other["priority"]) == ({"name": "you"}, "Other", 9, 7)
    status, code, _ = post(api, f"/v1/tasks/{task.id}/clone", inputs={"nobody": "asked"})
    assert (status, code) == (422, "invalid_input")


def test_a_clone_with_a_key_is_made_once(api: Api, web: Flask) -> None:
    with writing() as session:
        task = make_task(session, State.SUCCEEDED, plan=Plan(content=WHOLE_PLAN))
    asked = {"json": {}, "headers": {"Idempotency-Key": "k"}}
    first, second = (api.ask("POST", f"/v1/tasks/{task.id}/clone", **asked) for _ in range(2))
    assert (first.status_code, second.status_code, second.json["id"]) == (201, 200, first.json["id"])
    assert first.headers["Location"].endswith(first.json["id"])


def test_many_are_counted_then_done_page_by_page(api: Api, tasks: dict[str, Task]) -> None:
    with writing() as session:
        for _ in range(4):
            make_task(session)
    wanted: dict[str, Any] = {"action": "cancel", "filter": {"state": "queued"}}
    counted = post(api, "/v1/tasks/bulk", **wanted, dry_run=True)
    assert (counted["done"], counted["left"], len(counted["examples"])) == (0, 5, 5)
    came = post(api, "/v1/tasks/bulk", **wanted, limit=3)
    assert (came["done"], came["left"]) == (3, 2)
    came = post(api, "/v1/tasks/bulk", **wanted, cursor=came["next_cursor"])
    assert (came["done"], came["left"], came["next_cursor"]) == (2, 0, None)
    assert post(api, "/v1/tasks/bulk", action="cancel")[0] == 422


def test_a_queue_is_paused_limited_and_resumed(api: Api, tasks: dict[str, Task]) -> None:
    changed = api.ask(
        "PATCH", "/v1/queues/complexity.3", json={"is_paused": True, "reason": "repairs", "max_running": 2}
    ).json
    assert (changed["paused_by"], changed["pause_reason"], changed["max_running"]) == ("program:token", "repairs", 2)
    left = api.ask("PATCH", "/v1/queues/complexity.3", json={"is_paused": False}).json
    assert (left["paused_at"], left["max_running"]) == (None, 2)
    names = [each["name"] for each in get(api, "/v1/queues")["queues"]]
    assert "complexity.3" in names and "agent.scout" in names
    assert api.ask("GET", "/v1/queues/nope").status_code == 404
    assert api.ask("PATCH", "/v1/queues/complexity.3", json={"max_running": 0}).status_code == 422


def test_an_agent_is_paused_and_limited_without_touching_its_other_rules(api: Api, tasks: dict[str, Task]) -> None:
    changed = api.ask("PATCH", "/v1/agents/scout", json={"limits": {"memory": "1g"}, "max_running": 3}).json
    assert (changed["limits"], changed["max_running"], changed["paused_at"]) == ({"memory": 2**30}, 3, None)
    changed = api.ask("PATCH", "/v1/agents/scout", json={"is_paused": True}).json
    assert (changed["limits"], changed["max_running"], changed["paused_at"] is None) == ({"memory": 2**30}, 3, False)
    assert api.ask("PATCH", "/v1/agents/scout", json={"max_running": None}).json["max_running"] is None


def test_an_agent_thinks_with_a_model_that_there_is(api: Api, tasks: dict[str, Task]) -> None:
    wrong = api.ask("PATCH", "/v1/agents/scout", json={"model": "ollama/none"})
    assert (wrong.status_code, wrong.json["problems"][0]["path"]) == (422, "model")
    with writing() as session:
        some_providers(session)
    changed = api.ask("PATCH", "/v1/agents/scout", json={"model": "ollama/llama3.2"}).json
    assert (changed["model"], changed["version"]) == ("ollama/llama3.2", 2)
    assert api.ask("PATCH", "/v1/agents/scout", json={"model": None}).json["model"] is None


def test_everything_is_stopped_and_released(api: Api, tasks: dict[str, Task]) -> None:
    stopped = post(api, "/v1/emergency-stop", reason="fire")
    assert (stopped["is_on"], stopped["by"], stopped["reason"], stopped["held"]) == (True, "program:token", "fire", 1)
    assert get(api, "/v1/emergency-stop") == stopped
    assert get(api, f"/v1/tasks/{tasks['running'].id}")["wishes"] == ["stop"]
    released = api.ask("DELETE", "/v1/emergency-stop").json
    assert (released["is_on"], released["since"], released["left"]) == (False, None, 1)


def test_nobody_does_this_without_the_token(web: Flask, tasks: dict[str, Task]) -> None:
    client = web.test_client()
    for method, path in [
        ("POST", f"/v1/tasks/{tasks['queued'].id}/cancel"), ("POST", "/v1/tasks/bulk"), ("GET", "/v1/queues"),
        ("PATCH", "/v1/queues/complexity.3"), ("POST", "/v1/emergency-stop"), ("DELETE", "/v1/emergency-stop"),
    ]:  # fmt: skip
        assert client.open(path, method=method, json={}).status_code == 401
