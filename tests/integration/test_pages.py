"""The pages on both databases: who gets them, what they say, what they refuse."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

import settings
from models import scope
from models.columns import now
from models.database import db, reading, writing
from models.sign_in import SignInLink, new_link
from models.states import State
from models.step import StepState
from models.task import Task
from models.workspace import Workspace as WorkspaceRow
from tasks.folders import workspaces_root
from tests.support import factories
from tools.workspace import Workspace
from webapp import create_app

NOBODY = "0" * 8 + "-0000-7000-8000-" + "0" * 12


@dataclass
class Person:
    """A browser that is signed in, without scripts."""

    client: FlaskClient
    token: str

    def sees(self, path: str, status: int = 200, **headers: str) -> str:
        answer = self.client.get(path, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.text

    def part(self, path: str, status: int = 200) -> str:
        return self.sees(path, status, **{"HX-Request": "true"})

    def sends(self, path: str, **form: object) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.token, **form})


@pytest.fixture
def web(database: settings.Settings) -> Iterator[Flask]:
    """The web application on the database."""
    app = create_app(database)
    yield app
    with app.app_context():
        db.engine.dispose()


@contextmanager
def filling(app: Flask) -> Iterator[Session]:
    """A transaction of the person's; no longer, since a request that finds a context shares it."""
    with app.app_context(), scope.acting("person:local"), writing() as session:
        yield session


@pytest.fixture
def person(web: Flask) -> Person:
    """Somebody who used a link."""
    with filling(web) as session:
        secret = new_link(session)
    client = web.test_client()
    token = _csrf(client.get(f"/sign-in/{secret}").text)
    assert client.post(f"/sign-in/{secret}", data={"csrf_token": token}).status_code == 302
    return Person(client, _csrf(client.get("/tasks/new/playbook").text))


@pytest.fixture
def tasks(web: Flask) -> dict[str, Task]:
    """A task in every state, the finished one with a workspace."""
    with filling(web) as session:
        made = factories.every_state(session)
        session.add(WorkspaceRow(task_id=made["succeeded"].id, store="local", folder="w1"))
    workspace = Workspace.create(workspaces_root(), "w1")
    workspace.write_bytes("output/report.html", b"<h1>Report</h1><script>alert(1)</script>")
    workspace.write_bytes("output/rows.csv", b"name,note\nanna,<b>bold</b>\n")
    workspace.write_bytes("output/dot.png", b"\x89PNG\r\n\x1a\n")
    return made


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, page
    return found[1]


PAGES = ("/", "/tasks", "/agents", "/tasks/new", "/tasks/new/from/analyse-table", "/tasks/new/playbook")


@pytest.mark.parametrize("path", [*PAGES, "/stream", f"/tasks/{NOBODY}", f"/tasks/{NOBODY}/files.zip"])
def test_a_stranger_sees_no_page(web: Flask, path: str) -> None:
    stranger = web.test_client()
    assert stranger.get(path).headers["Location"] == "/sign-in"
    part = stranger.get(path, headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/sign-in")
    assert stranger.get(path, headers={"Accept": "text/event-stream"}).status_code == 401


@pytest.mark.parametrize("path", PAGES)
def test_an_empty_installation_says_what_to_do_next(person: Person, path: str) -> None:
    assert "New task" in person.sees(path)


def test_the_first_visit_shows_the_first_steps(person: Person) -> None:
    assert "Watch an agent do real work" in person.sees("/")
    assert "celery -A worker worker --agent scout" in person.sees("/agents")
    assert "No task yet" in person.sees("/tasks")


def test_an_expired_link_signs_nobody_in(web: Flask) -> None:
    with filling(web) as session:
        secret = new_link(session)
        session.flush()
        for link in session.query(SignInLink):
            link.expires_at = now() - timedelta(minutes=1)
    client = web.test_client()
    token = _csrf(client.get(f"/sign-in/{secret}").text)
    answer = client.post(f"/sign-in/{secret}", data={"csrf_token": token})
    assert answer.status_code == 403
    assert "not good any more" in answer.text


def test_a_wanted_page_that_leads_elsewhere_is_forgotten(web: Flask) -> None:
    with filling(web) as session:
        secret = new_link(session)
    client = web.test_client()
    client.get("//evil.example/x")
    token = _csrf(client.get(f"/sign-in/{secret}").text)
    assert client.post(f"/sign-in/{secret}", data={"csrf_token": token}).headers["Location"] == "/"


def test_home_shows_what_runs_what_needs_a_person_and_what_came_out(person: Person, tasks: dict[str, Task]) -> None:
    with filling(person.client.application) as session:
        step = factories.make_step(session, session.merge(tasks["paused"]), 5)
        factories.make_artifact(session, tasks["succeeded"], step, "output/a.csv", "text/csv")
        factories.make_artifact(session, tasks["succeeded"], step, "output/report.html")
    page = person.sees("/")
    for state in ("running", "waiting", "paused", "failed", "succeeded"):
        assert tasks[state].title in page
    assert f"/tasks/{tasks['succeeded'].id}/view/output/report.html" in page
    assert "2 tasks ended" in " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_a_task_that_nobody_can_take_needs_a_person(person: Person) -> None:
    with filling(person.client.application) as session:
        factories.make_task(session, complexity=9, title="Too hard")
    assert "No running agent takes complexity 9." in person.sees("/")


def test_every_state_of_a_task_has_its_page(person: Person, tasks: dict[str, Task]) -> None:
    for state, task in tasks.items():
        page = person.sees(f"/tasks/{task.id}")
        assert f'data-state="{state}"' in page
        assert "&lt;b&gt;" not in page  # outputs are folded, and come when they are opened


def test_a_failed_task_says_why_and_how_to_go_on(person: Person, tasks: dict[str, Task]) -> None:
    page = person.sees(f"/tasks/{tasks['failed'].id}")
    assert "It failed in the step “Count again by other means”" in page
    assert "orders.csv has 3 columns in line 1 and 5 in line 7." in page
    assert "Mend the input and try again" in page


def test_a_queued_task_says_why_it_waits(person: Person, tasks: dict[str, Task]) -> None:
    assert "Why is it queued?" in person.sees(f"/tasks/{tasks['queued'].id}")


def test_what_a_step_printed_is_escaped_and_cannot_steer(person: Person, tasks: dict[str, Task]) -> None:
    task = tasks["succeeded"]
    step = re.search(r'data-step="([^"]+)"', person.sees(f"/tasks/{task.id}"))
    assert step
    printed = person.part(f"/tasks/{task.id}/steps/{step[1]}/output")
    assert "ok &lt;b&gt;not bold&lt;/b&gt;" in printed
    assert "\x1b" not in printed
    person.sees(f"/tasks/{tasks['failed'].id}/steps/{step[1]}/output", 404)


def test_the_log_has_every_number(person: Person, tasks: dict[str, Task]) -> None:
    task = tasks["succeeded"]
    numbers = re.findall(r'data-number="(\d+)"', person.sees(f"/tasks/{task.id}/log"))
    assert [int(number) for number in numbers] == list(range(1, task.event_count + 1))


def test_the_live_part_brings_what_came_after_a_number_and_no_more(person: Person, tasks: dict[str, Task]) -> None:
    task = tasks["running"]
    answer = person.part(f"/tasks/{task.id}/live?tab=log&after={task.event_count - 2}")
    numbers = [int(number) for number in re.findall(r'data-number="(\d+)"', answer)]
    assert numbers == [task.event_count - 1, task.event_count]
    assert f'data-event-number="{task.event_count}"' in answer
    with filling(person.client.application) as session:
        running = session.merge(task)
        factories.make_event(session, running, "task.requeued", now(), reason="the worker died")
    answer = person.part(f"/tasks/{task.id}/live?tab=log&after={task.event_count}")
    assert "the worker died" in answer
    assert 'hx-target="#steps"' in person.part(f"/tasks/{task.id}/live?tab=steps&after=0")


def test_a_very_long_log_comes_in_parts_without_a_gap(
    person: Person, tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.pages.task.LOG_PAGE", 4)
    task, seen, numbers = tasks["succeeded"], 0, []
    answer = person.sees(f"/tasks/{task.id}/log")
    while True:
        numbers += [int(number) for number in re.findall(r'data-number="(\d+)"', answer)]
        found = re.search(r'data-event-number="(\d+)"( data-more)?', answer)
        assert found
        seen = int(found[1])
        if not found[2]:
            break
        answer = person.part(f"/tasks/{task.id}/live?tab=log&after={seen}")
    assert numbers == list(range(1, task.event_count + 1))


def test_files_are_listed_and_shown_by_what_they_are(person: Person, tasks: dict[str, Task]) -> None:
    base = f"/tasks/{tasks['succeeded'].id}"
    assert 'sandbox="allow-scripts"' in person.sees(f"{base}/files?path=output/report.html")
    assert "&lt;b&gt;bold&lt;/b&gt;" in person.sees(f"{base}/files?path=output/rows.csv")
    assert "<img" in person.sees(f"{base}/view/output/dot.png")
    assert "README" in person.sees(f"{base}/files")
    assert "No files yet" in person.sees(f"/tasks/{tasks['queued'].id}/files")


def test_a_page_of_an_agent_is_never_this_origins(person: Person, tasks: dict[str, Task]) -> None:
    path = f"/tasks/{tasks['succeeded'].id}/raw/output/report.html"
    assert person.client.get(path).headers["Location"].endswith("/view/output/report.html")
    framed = person.client.get(path, headers={"Sec-Fetch-Dest": "iframe"})
    policy = framed.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy
    picture = person.client.get(path.replace("report.html", "dot.png"), headers={"Sec-Fetch-Dest": "image"})
    assert picture.headers["Content-Security-Policy"].startswith("sandbox;")
    person.sees(path.replace("report.html", "rows.csv"), 404, **{"Sec-Fetch-Dest": "iframe"})


@pytest.mark.parametrize("path", ["../../opscore.db", "%2e%2e/%2e%2e/opscore.db", "output/../../x", "nothing.txt"])
@pytest.mark.parametrize("how", ["view", "download", "raw"])
def test_no_path_leads_out_of_the_workspace(person: Person, tasks: dict[str, Task], how: str, path: str) -> None:
    answer = person.client.get(f"/tasks/{tasks['succeeded'].id}/{how}/{path}", headers={"Sec-Fetch-Dest": "iframe"})
    assert answer.status_code in (404, 422)


@pytest.mark.parametrize("path", [f"/tasks/{NOBODY}", "/tasks/not-an-id", "/tasks/new/from/nothing", "/nowhere"])
def test_what_is_not_there_is_a_page_that_says_so(person: Person, path: str) -> None:
    assert "There is nothing here" in person.sees(path, 404)


def test_a_problem_within_a_part_is_a_notice(person: Person) -> None:
    answer = person.client.get(f"/tasks/{NOBODY}", headers={"HX-Request": "true"})
    assert answer.headers["HX-Retarget"] == "#notices"
    assert "<html" not in answer.text


def test_the_list_filters_pages_and_marks(person: Person, tasks: dict[str, Task]) -> None:
    with filling(person.client.application) as session:
        for number in range(60):
            factories.make_task(session, State.FAILED, title=f"Old {number}")
    first = person.sees("/tasks")
    assert first.count("data-id=") == 50
    cursor = re.search(r"cursor=([0-9a-f-]+)", first)
    assert cursor
    assert person.part(f"/tasks?cursor={cursor[1]}").count("data-id=") == 17
    assert person.part("/tasks?state=succeeded").count("data-id=") == 1
    assert "whole number from 1 to 10" in person.part("/tasks?complexity=99", 422)
    assert "<mark>Ol</mark>d <mark>7</mark>" in person.part("/tasks?q=ol+7")
    assert "No task fits" in person.part("/tasks?q=zebra")


def test_rows_are_brought_up_to_date_and_newer_tasks_announced(person: Person, tasks: dict[str, Task]) -> None:
    newest = tasks["cancelled"].id
    rows = f"/tasks/rows?id={tasks['running'].id}&newest={newest}"
    person.part(f"{rows}&id=nonsense", 404)
    assert "New tasks came" not in person.part(rows)
    with filling(person.client.application) as session:
        factories.make_task(session)
    answer = person.part(rows)
    assert "New tasks came" in answer
    assert f'hx-target="#task-{tasks["running"].id}"' in answer


def test_agents_show_their_light_and_the_reason(person: Person, tasks: dict[str, Task]) -> None:
    page = person.sees("/agents")
    for said in ("No worker is running.", "Its host is overloaded.", "Working normally.", tasks["running"].title):
        assert said in page


def test_a_template_is_handed_in(person: Person) -> None:
    answer = person.sends(
        "/tasks/new/from/analyse-table",
        **{"from.table": "upload", "file.table": (BytesIO(b"a,b\n1,2\n"), "rows.csv"), "complexity": "7"},
    )
    assert answer.status_code == 303, answer.text
    page = person.sees(answer.headers["Location"])
    assert "Complexity <b>7</b>" in page
    again = person.sees(f"/tasks/new/from/analyse-table?again={answer.headers['Location'].rpartition('/')[2]}")
    assert "rows.csv" in again


def test_a_form_with_mistakes_comes_back_with_the_cure(person: Person) -> None:
    form = {"from.source": "host", "host.source": "relative/path", "in.top_n": "12", "title": "Kept"}
    answer = person.sends("/tasks/new/from/survey-code-base", **form)
    assert answer.status_code == 422
    assert "Must be an absolute path, or an upload" in answer.text
    assert 'value="relative/path"' in answer.text
    assert 'value="Kept"' in answer.text


def test_a_changed_form_after_the_way_back_is_another_task(person: Person) -> None:
    root = str(settings.load().input_roots[0])
    form = {"from.source": "host", "host.source": root, "in.top_n": "5", "key": "same"}
    path = "/tasks/new/from/survey-code-base"
    first, again = person.sends(path, **form), person.sends(path, **form)
    other = person.sends(path, **{**form, "in.top_n": "6"})
    assert first.headers["Location"] == again.headers["Location"] != other.headers["Location"]


def test_a_playbook_is_checked_and_handed_in(person: Person) -> None:
    good = person.sees("/tasks/new/playbook")
    assert "No mistakes. 2 steps." in good
    wrong = person.sends("/tasks/new/playbook/check", playbook="steps:\n  - {stage: build}\n")
    assert "Line 2" in wrong.text
    assert person.sends("/tasks/new/playbook", playbook="steps: []").status_code == 422
    text = "steps:\n- {stage: build, tool: files.write, with: {path: output/a.txt, text: hi}}\n"
    answer = person.sends("/tasks/new/playbook", playbook=text, complexity="3")
    assert answer.status_code == 303, answer.text
    assert "files.write" in person.sees(f"/tasks/new/playbook?again={answer.headers['Location'].rpartition('/')[2]}")


def test_the_dry_run_shows_what_the_form_would_call(person: Person) -> None:
    assert "--top=9" in person.sends("/tasks/new/from/survey-code-base/plan", **{"in.top_n": "9"}).text


def test_a_person_chooses_before_what_of_a_playbook_they_are_asked(person: Person) -> None:
    path, root = "/tasks/new/from/survey-code-base", str(settings.load().input_roots[0])
    assert 'name="asks.python.run"' in person.sees(path)
    assert "approval before it begins" in person.sends(f"{path}/plan", **{"asks.plan": "1"}).text
    asks = {"asks.plan": "1", "asks.python.run": "1"}
    done = person.sends(path, **{"from.source": "host", "host.source": root, "in.top_n": "5", **asks})
    task_id = done.headers["Location"].rpartition("/")[2]
    with person.client.application.app_context(), scope.acting("person:local"), reading() as session:
        plan = session.scalars(select(Task).where(Task.id == task_id)).one().plan.content
    assert sorted(plan["approvals"]) == ["plan", "python.run"]
    again = person.sees(f"{path}?again={task_id}")
    assert 'name="asks.python.run" value="1" checked' in again
    assert "The template has changed since" not in again
    wrong = person.sends(path, **{"asks.nothing": "1", "from.source": "host", "host.source": root})
    assert (wrong.status_code, "nothing" in wrong.text) == (422, True)


def test_an_upload_is_taken_or_refused_with_the_reason(person: Person) -> None:
    def upload(name: str, data: bytes) -> TestResponse:
        return person.client.post(f"/uploads?name={name}", data=data, headers={"X-CSRFToken": person.token})

    taken = upload("rows.csv", b"a,b\n")
    assert (taken.status_code, taken.json["name"], taken.json["size"]) == (201, "rows.csv", 4)  # type: ignore[index]
    assert upload("empty.csv", b"").json == {"problem": "it is empty; choose a file with something in it"}
    assert person.client.post("/uploads?name=a", data=b"x").status_code == 400


def test_a_notice_is_there_for_a_task_that_ended(person: Person, tasks: dict[str, Task]) -> None:
    assert "Is done" in person.part(f"/tasks/{tasks['succeeded'].id}/notice")
    assert person.part(f"/tasks/{tasks['running'].id}/notice").strip() == ""


def test_a_step_that_failed_shows_its_first_error_line(person: Person) -> None:
    with filling(person.client.application) as session:
        task = factories.make_task(session, State.RUNNING, done=0)
        told = {
            "error_code": "exit_code",
            "error_message": "\x1b[31mrows.csv is empty",
            "stderr": "error: rows.csv is empty",
        }
        factories.make_step(session, task, 2, StepState.FAILED, **told)
    page = person.sees(f"/tasks/{task.id}")
    assert "rows.csv is empty." in page
    assert "\x1b" not in page


def test_every_answer_carries_the_strict_policy(person: Person, tasks: dict[str, Task]) -> None:
    for path in ("/", f"/tasks/{tasks['succeeded'].id}", "/static/js/main.js", "/nowhere"):
        answer = person.client.get(path)
        headers = answer.headers
        answer.close()
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_no_page_has_inline_script_style_or_handler(person: Person, tasks: dict[str, Task]) -> None:
    base = f"/tasks/{tasks['succeeded'].id}"
    for path in (*PAGES, base, f"{base}/files", f"{base}/changes", f"{base}/log"):
        page = person.sees(path)
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:", page), path
        assert not re.search(r'(?:src|href)="https?://(?!127\.0\.0\.1)', page), path


def test_signing_out_forgets_the_browser(person: Person) -> None:
    assert person.sends("/sign-out").headers["Location"] == "/sign-in"
    assert person.client.get("/").headers["Location"] == "/sign-in"
