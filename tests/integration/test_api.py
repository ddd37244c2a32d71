"""The API answers programs: what is right, what is refused, and always in the same form."""

import io
import json
import re
import zipfile

import pytest
from flask import Flask

import settings
from models import scope
from models.database import db, writing
from models.leadership import RECONCILER, lead
from models.states import State
from models.task import Task
from models.workspace import Workspace as WorkspaceRow
from tasks.control import emergency
from tasks.folders import workspaces_root
from tests.support.factories import every_state, make_agent, make_task, make_worker
from tests.support.web import PLAYBOOK, Api
from tools.workspace import Workspace
from webapp import create_app


@pytest.fixture
def task(web: Flask) -> Task:
    """A finished task with a workspace of three files."""
    with writing() as session:
        made = make_task(session, State.SUCCEEDED)
        session.add(WorkspaceRow(task_id=made.id, store="host", folder="w1"))
    workspace = Workspace.create(workspaces_root(), "w1")
    workspace.write_bytes("output/report.html", b"<script>alert(1)</script>")
    workspace.write_bytes("output/ünï/data 1.csv", b"a,b\n1,2\n")
    return made


PROTECTED = ["/v1/tasks", f"/v1/tasks/{'0' * 8}-0000-7000-8000-{'0' * 12}", "/v1/agents", "/v1/templates"]


@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize("header", [None, "Bearer ", "Bearer wrong", "Basic eDp5", "bearer", "Bearer ü"])
def test_without_the_token_nothing_is_told(api: Api, path: str, header: str | None) -> None:
    answer = api.client.get(path, headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    assert answer.json["code"] == "unauthorized"
    assert "WWW-Authenticate" in answer.headers
    assert answer.json.keys() == {"type", "title", "status", "code", "detail", "instance", "problems"}


def test_a_signed_in_browser_may_read(api: Api) -> None:
    with api.client.session_transaction() as session:
        session["person"] = "person:local"
    assert api.client.get("/v1/tasks").status_code == 200


def test_a_signed_in_browser_may_write_only_with_the_pages_own_token(api: Api) -> None:
    with api.client.session_transaction() as session:
        session["person"] = "person:local"
    assert api.client.post("/v1/tasks", json={"playbook": PLAYBOOK}).status_code == 400
    assert db.session.query(Task).count() == 0


def test_a_submitted_task_is_at_its_location(api: Api) -> None:
    answer = api.ask("POST", "/v1/tasks", json={"playbook": PLAYBOOK, "inputs": {"name": "you"}, "complexity": 4})
    assert answer.status_code == 201
    again = api.ask("GET", answer.headers["Location"])
    assert again.json["id"] == answer.json["id"]
    assert (again.json["complexity"], again.json["queue"], again.json["inputs"]) == (4, "complexity.4", {"name": "you"})
    assert again.json["author"] == "program:token"
    assert again.json["why_queued"]


def test_a_playbook_may_be_text(api: Api) -> None:
    assert api.ask("POST", "/v1/tasks", json={"playbook": json.dumps(PLAYBOOK)}).status_code == 201


def test_a_repeated_post_with_its_key_returns_the_first_task(api: Api) -> None:
    order = {"json": {"playbook": PLAYBOOK}, "headers": {"Idempotency-Key": "mine"}}
    first, second = api.ask("POST", "/v1/tasks", **order), api.ask("POST", "/v1/tasks", **order)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json["id"] == second.json["id"]
    assert len(api.ask("GET", "/v1/tasks").json["tasks"]) == 1


def test_another_request_with_the_same_key_is_a_conflict(api: Api) -> None:
    headers = {"Idempotency-Key": "mine"}
    api.ask("POST", "/v1/tasks", json={"playbook": PLAYBOOK}, headers=headers)
    other = api.ask("POST", "/v1/tasks", json={"playbook": PLAYBOOK, "title": "Other"}, headers=headers)
    assert (other.status_code, other.json["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "template"),
        ({"template": "nope"}, "template"),
        ({"template": "survey-code-base"}, "inputs.source"),
        ({"playbook": PLAYBOOK, "complexity": 11}, "complexity"),
        ({"playbook": PLAYBOOK, "complexity": "many"}, "complexity"),
        ({"playbook": PLAYBOOK, "inputs": {"nope": 1}}, "inputs"),
        ({"playbook": PLAYBOOK, "nope": 1}, "nope"),
        ({"playbook": {**PLAYBOOK, "steps": []}}, "playbook.steps"),
        ({"playbook": "name: [", "inputs": {}}, "playbook"),
        ({"playbook": PLAYBOOK, "title": "a\0b"}, "body"),
        ({"playbook": PLAYBOOK, "agent": "nobody"}, "agent"),
    ],
)
def test_what_is_wrong_with_a_task_is_named(api: Api, body: dict[str, object], path: str) -> None:
    answer = api.ask("POST", "/v1/tasks", json=body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_input")
    assert any(problem["path"].startswith(path) and problem["message"] for problem in answer.json["problems"])


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("GET", "/v1/nope", {}, 404, "not_found"),
        ("GET", "/v1/tasks/0193f000-0000-7000-8000-000000000000", {}, 404, "not_found"),
        ("GET", "/v1/tasks/nonsense", {}, 422, "invalid_input"),
        ("GET", "/v1/templates/nope", {}, 404, "not_found"),
        ("DELETE", "/v1/tasks", {}, 405, "method_not_allowed"),
        ("POST", "/v1/tasks", {"data": "{}"}, 415, "unsupported_media_type"),
        ("POST", "/v1/tasks", {"data": "{", "content_type": "application/json"}, 400, "malformed_request"),
        ("POST", "/v1/tasks", {"json": [1]}, 422, "invalid_input"),
        ("POST", "/v1/tasks", {"data": "[" * 100_000, "content_type": "application/json"}, 400, "malformed_request"),
        ("GET", "/v1/tasks?cursor=1", {}, 422, "invalid_input"),
        ("GET", "/v1/tasks?state=asleep", {}, 422, "invalid_input"),
        ("GET", "/v1/tasks?agent=%00", {}, 422, "invalid_input"),
        ("GET", "/v1/tasks?nope=1", {}, 422, "invalid_input"),
        ("POST", "/v1/uploads", {"data": b"x"}, 422, "invalid_input"),
    ],
)  # fmt: skip
def test_every_refusal_is_a_problem_document(
    api: Api, method: str, path: str, options: dict[str, object], status: int, code: str
) -> None:
    answer = api.ask(method, path, **options)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.mimetype == "application/problem+json"
    assert answer.json["detail"]
    assert answer.json["type"] == f"urn:opscore:problem:{code}"


def test_a_bug_is_a_problem_document_that_tells_no_secret(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr("webapp.api.tasks.page", broken)
    answer = api.ask("GET", "/v1/tasks")
    assert (answer.status_code, answer.json["code"]) == (500, "internal")
    assert "swordfish" not in answer.text


def test_lists_page_to_the_end(api: Api) -> None:
    with writing() as session:
        made = [make_task(session).id for _ in range(5)]
    first = api.ask("GET", "/v1/tasks?limit=3").json
    second = api.ask("GET", f"/v1/tasks?limit=3&cursor={first['next_cursor']}").json
    assert [task["id"] for task in first["tasks"] + second["tasks"]] == made[::-1]
    assert second["next_cursor"] is None


def test_lists_filter(api: Api) -> None:
    with writing() as session:
        every_state(session)
    failed = api.ask("GET", "/v1/tasks?state=failed&agent=scout&complexity=3&q=analyse").json["tasks"]
    assert [task["state"] for task in failed] == ["failed"]
    assert failed[0]["error_message"]


def test_a_task_tells_its_steps_and_events(api: Api, task: Task) -> None:
    steps = api.ask("GET", f"/v1/tasks/{task.id}/steps").json["steps"]
    assert [step["key"] for step in steps] == ["plan", "measure", "check", "draw", "report"]
    events = api.ask("GET", f"/v1/tasks/{task.id}/events").json
    assert [event["number"] for event in events["events"]] == list(range(1, task.event_count + 1))
    assert events["last_number"] == task.event_count
    later = api.ask("GET", f"/v1/tasks/{task.id}/events?after={task.event_count - 1}").json["events"]
    assert [event["kind"] for event in later] == ["task.succeeded"]


def test_a_file_comes_as_it_is_and_only_to_be_saved(api: Api, task: Task) -> None:
    answer = api.ask("GET", f"/v1/tasks/{task.id}/files/output/report.html")
    assert answer.data == b"<script>alert(1)</script>"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_files_are_listed_with_their_sizes(api: Api, task: Task) -> None:
    files = {file["path"]: file["size_bytes"] for file in api.ask("GET", f"/v1/tasks/{task.id}/files").json["files"]}
    assert files["output/ünï/data 1.csv"] == 8


def test_a_file_with_an_unusual_name_can_be_fetched(api: Api, task: Task) -> None:
    answer = api.ask("GET", f"/v1/tasks/{task.id}/files/output/ünï/data 1.csv")
    assert answer.data == b"a,b\n1,2\n"


def test_all_files_come_as_an_archive(api: Api, task: Task) -> None:
    answer = api.ask("GET", f"/v1/tasks/{task.id}/files.zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        assert archive.read("output/ünï/data 1.csv") == b"a,b\n1,2\n"


@pytest.mark.parametrize("path", ["../w1/README.md", "..%2f..%2fopscore.db", "/etc/passwd", "output", "nope.txt", "."])
def test_no_path_leads_out_of_the_workspace(api: Api, task: Task, path: str) -> None:
    answer = api.ask("GET", f"/v1/tasks/{task.id}/files/{path}")
    assert answer.status_code in (404, 422, 308)
    assert b"root:" not in answer.data


def test_a_queued_task_has_no_files_yet(api: Api) -> None:
    with writing() as session:
        made = make_task(session)
    assert api.ask("GET", f"/v1/tasks/{made.id}/files").json["files"] == []
    assert api.ask("GET", f"/v1/tasks/{made.id}/files.zip").status_code == 404


def test_another_tenants_task_is_not_there(api: Api) -> None:
    with scope.acting("person:charlie", "elsewhere"), writing() as session:
        made = make_task(session)
    for part in ("", "/steps", "/events", "/files"):
        assert api.ask("GET", f"/v1/tasks/{made.id}{part}").status_code == 404


@pytest.mark.parametrize("form", ["raw", "multipart"])
def test_an_upload_can_be_named_as_an_input(api: Api, form: str, database: settings.Settings) -> None:
    if form == "raw":
        options: dict[str, object] = {"data": b"a,b\n1,2\n", "content_type": "text/csv"}
        answer = api.ask("POST", "/v1/uploads?name=data.csv", **options)
    else:
        answer = api.ask("POST", "/v1/uploads", data={"file": (io.BytesIO(b"a,b\n1,2\n"), "data.csv")})
    assert answer.status_code == 201, answer.text
    assert (answer.json["name"], answer.json["size_bytes"]) == ("data.csv", 8)
    assert re.fullmatch(r"upload:[0-9a-f-]{36}", answer.json["input"])
    order = {"template": "analyse-table", "inputs": {"table": answer.json["input"]}}
    assert api.ask("POST", "/v1/tasks", json=order).status_code == 201


@pytest.mark.parametrize("form", ["raw", "multipart"])
def test_an_upload_over_the_limit_is_refused(
    web: Flask, api: Api, form: str, monkeypatch: pytest.MonkeyPatch, database: settings.Settings
) -> None:
    monkeypatch.setenv("OPSCORE_UPLOAD_MAX_BYTES", "1000")
    settings.load.cache_clear()
    web.config["OPSCORE"] = settings.load()
    for size in (1001, 500_000):
        if form == "raw":
            answer = api.ask("POST", "/v1/uploads?name=x", data=b"x" * size)
        else:
            answer = api.ask("POST", "/v1/uploads", data={"file": (io.BytesIO(b"x" * size), "x")})
        assert answer.status_code in (413, 422)
        assert answer.mimetype == "application/problem+json"


def test_agents_tell_how_they_are(api: Api) -> None:
    with writing() as session:
        make_worker(session, make_agent(session, "scout"))
        make_agent(session, "builder")
        make_task(session, State.RUNNING, agent="scout")
    agents = {agent["name"]: agent for agent in api.ask("GET", "/v1/agents").json["agents"]}
    assert (agents["scout"]["light"], agents["builder"]["light"]) == ("green", "red")
    assert len(agents["scout"]["current_tasks"]) == 1
    assert agents["builder"]["reason"]


def test_templates_tell_their_inputs_and_steps(api: Api) -> None:
    slugs = [template["slug"] for template in api.ask("GET", "/v1/templates").json["templates"]]
    assert {"survey-code-base", "analyse-table"} <= set(slugs)
    shown = api.ask("GET", "/v1/templates/analyse-table").json
    assert "table" in shown["inputs"]["properties"]
    assert shown["steps"]


def test_a_checked_playbook_names_its_lines_or_its_calls(api: Api) -> None:
    wrong = api.ask("POST", "/v1/playbooks/check", json={"playbook": "name: x\nsteps:\n- tool: nope\n  stage: build\n"})
    assert not wrong.json["is_valid"]
    assert wrong.json["problems"][0]["line"] == 3
    right = api.ask("POST", "/v1/playbooks/check", json={"playbook": PLAYBOOK, "inputs": {"name": "you"}})
    assert right.json["is_valid"]
    assert right.json["calls"][0]["arguments"]["text"] == "Hello you"


def test_health_needs_no_token_and_tells_no_secret(api: Api, database: settings.Settings) -> None:
    answer = api.client.get("/health")
    assert answer.status_code == 200
    assert (answer.json["database"], answer.json["broker"], answer.json["status"]) == ("ok", "down", "degraded")
    assert (answer.json["reconciler"], answer.json["is_stopped"]) == ("down", False)
    with scope.wide("system:test"), writing() as session:
        lead(session, RECONCILER, "another")
    with scope.acting("person:alice"):
        emergency.stop("fire")
    db.session.remove()  # what the first look read is old
    told = api.client.get("/health").json
    assert (told["reconciler"], told["is_stopped"]) == ("ok", True)
    for secret in (database.token, database.session_key, str(database.data_dir), database.database):
        assert secret not in answer.text


def test_health_is_degraded_unless_a_broker_answers_and_a_reconciler_leads(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.api.health._broker", lambda: True)
    assert api.client.get("/health").json["status"] == "degraded"
    with scope.wide("system:test"), writing() as session:
        lead(session, RECONCILER, "another")
    db.session.remove()  # what the first look read is old
    assert api.client.get("/health").json["status"] == "ok"


def test_health_is_503_without_the_database(told: settings.Settings) -> None:
    app = create_app(told.model_copy(update={"database_url": "postgresql+psycopg://u:pw@127.0.0.1:1/none"}))
    answer = app.test_client().get("/health")
    assert (answer.status_code, answer.json["status"]) == (503, "down")
    assert "pw" not in answer.text


def test_the_reference_needs_nothing_from_the_internet(api: Api) -> None:
    page = api.client.get("/docs")
    assert page.status_code == 200
    for address in re.findall(r'(?:src|href|data-document)="([^"]+)"', page.text):
        assert address.startswith("/")
        with api.client.get(address) as answer:
            assert answer.status_code == 200
    assert "'none'" in page.headers["Content-Security-Policy"]
