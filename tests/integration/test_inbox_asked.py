"""The inbox asked over HTTP: its API, and its pages without a script; what an answer needs, and what it refuses."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from models import scope
from models.approval import Approval, ApprovalState
from models.columns import now
from models.database import db, writing
from models.sign_in import new_link
from models.states import State
from models.step import Step
from models.task import Task
from settings import Settings
from tasks.approvals.card import of_plan
from tasks.plans.model_plan import BudgetFields, ModelPlan, Promise
from tasks.queueing import waking
from tests.support.factories import approving, ask_approval, every_state, make_agent, make_task
from tests.support.web import Api
from webapp import create_app

WRITTEN = {"path": "output/report.md", "text": "# Orders\n\nAll is well.\n", "append": False}


@pytest.fixture
def web(sqlite: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.setattr(waking, "send_wake_up", lambda queue, task_id: None)
    app = create_app(sqlite)
    yield app
    with app.app_context():
        db.engine.dispose()


@contextmanager
def filling(app: Flask) -> Iterator[Session]:
    with app.app_context(), scope.acting("person:local"), writing() as session:
        yield session


@pytest.fixture
def api(web: Flask, sqlite: Settings) -> Api:
    return Api(web.test_client(), sqlite.token)


@pytest.fixture
def asking(web: Flask) -> dict[str, Task]:
    """A task that asks for a call, and one that asks for its whole plan."""
    with filling(web) as session:
        return approving(session)


@pytest.fixture
def person(web: Flask) -> FlaskClient:
    """A browser that is signed in."""
    with filling(web) as session:
        secret = new_link(session)
    client = web.test_client()
    send(client, f"/sign-in/{secret}", f"/sign-in/{secret}")
    return client


def send(client: FlaskClient, path: str, seen: str = "/stop", **form: Any) -> TestResponse:
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(seen).text)
    assert token is not None
    return client.post(path, data={"csrf_token": token[1], **form})


def asked(task: Task) -> dict[str, Any]:
    assert task.question is not None
    return task.question


def state_of(web: Flask, task: Task) -> tuple[str, str | None]:
    """Of its approval, and the arguments' text where it was edited."""
    with filling(web) as session:
        found = session.scalars(select(Approval).where(Approval.task_id == task.id)).one()
    return found.state, (found.decided_arguments or {}).get("text")


def get(api: Api, path: str) -> Any:
    return api.ask("GET", path).json


def answer(api: Api, task: Task, choice: str, **body: Any) -> TestResponse:
    told = {"choice": choice, "digest": asked(task)["digest"], **body}
    return api.ask("POST", f"/v1/approvals/{asked(task)['approval']}", json=told)


def test_the_inbox_lists_what_waits_for_a_person_by_pages(api: Api, web: Flask) -> None:
    with filling(web) as session:
        tasks = [*every_state(session).values(), *approving(session).values()]
        child = make_task(session, State.PAUSED)
        child.state, child.question = State.WAITING, {"kind": "children"}
    waiting = [task.id for task in tasks if task.state == State.WAITING]
    first = api.ask("GET", "/v1/inbox?limit=2").json
    rest = api.ask("GET", f"/v1/inbox?limit=2&cursor={first['next_cursor']}").json
    found = [*first["asked"], *rest["asked"]]
    assert [each["task"]["id"] for each in found] == waiting
    assert rest["next_cursor"] is None
    assert [each["question"]["kind"] for each in found] == ["once_cut", "approval", "approval"]
    assert [each["approval"] and each["approval"]["tool"] for each in found] == [None, "files.write", ""]
    assert api.ask("GET", "/v1/inbox?cursor=nothing").status_code == 422
    shown = api.ask("GET", f"/v1/tasks/{waiting[1]}").json["question"]
    assert shown["approval"] == found[1]["approval"]["id"]
    assert api.ask("GET", f"/v1/tasks/{child.id}").json["question"]["kind"] == "children"


def test_the_first_answer_wins_and_each_names_its_digest(api: Api, web: Flask, asking: dict[str, Task]) -> None:
    call, plan = asking["approving"], asking["approving_plan"]
    assert answer(api, call, "approve", digest=asked(plan)["digest"]).status_code == 409
    assert answer(api, call, "approve", digest="").status_code == 422
    body = {"choice": "approve"}
    assert api.ask("POST", f"/v1/approvals/{asked(call)['approval']}", json=body).status_code == 422
    wrong = answer(api, call, "edit", arguments={"path": "a", "text": "b", "append": "perhaps"})
    assert (wrong.status_code, wrong.json["problems"][0]["path"]) == (422, "arguments.append")
    assert state_of(web, call) == ("waiting", None)
    edited = answer(api, call, "edit", arguments={"path": "a.md", "text": "mine"})
    assert (edited.status_code, edited.json["state"]) == (200, "edited")
    assert edited.json["decided_arguments"] == {"path": "a.md", "text": "mine", "append": False}
    late = answer(api, call, "reject")
    assert (late.status_code, late.json["code"]) == (409, "conflict")
    assert "approved by program:token already" in late.json["detail"]
    assert get(api, "/v1/inbox")["asked"][0]["task"]["id"] == plan.id
    told = [event["data"] for event in get(api, f"/v1/tasks/{call.id}/events")["events"]]
    assert told[-1]["choice"] == "edit"
    assert told[-1]["changed"] == ["path", "text"]


def test_looking_answers_nothing(person: FlaskClient, web: Flask, asking: dict[str, Task]) -> None:
    task = asking["approving"]
    page = f"/inbox/{asked(task)['approval']}"
    shown = person.get(f"{page}?choice=approve&digest={asked(task)['digest']}").text
    for words in ("May this be done?", "output/report.md", "All is well.", "Low risk", "demands it", "+All is well."):
        assert words in shown
    assert "Tell how the orders went" in person.get("/inbox").text
    assert "May “Write the report” be done?" in person.get(f"/tasks/{task.id}").text
    assert person.post(page, data={"choice": "approve", "digest": asked(task)["digest"]}).status_code == 400
    assert state_of(web, task) == ("waiting", None)


def test_a_card_is_of_its_approval_so_that_no_later_one_of_the_task_takes_its_place(
    person: FlaskClient, asking: dict[str, Task]
) -> None:
    shown = person.get("/inbox").text
    for task in asking.values():
        assert f'id="asked-{asked(task)["approval"]}"' in shown
        assert f'id="asked-{task.id}"' not in shown


def test_the_card_of_a_whole_model_plan_is_read_without_json(person: FlaskClient, web: Flask) -> None:
    with filling(web) as session:
        task = make_task(
            session, State.PAUSED, title="Ask", description="Find the oldest order.", inputs={"year": 2019}
        )
        task.state = State.WAITING
        model_plan = ModelPlan(
            additions="Tell nobody <b>else</b>.", tools=["files.read", "files.write"], budget=BudgetFields(calls=3),
            promises=[Promise(path="output/report.md")], files={"data/orders.csv": "1,2"},
        )  # fmt: skip
        approval = ask_approval(session, task, "", arguments=of_plan(task, model_plan))
    shown = unescape(person.get(f"/inbox/{approval.id}").text)
    for words in (
        "Tell nobody <b>else</b>.",
        "files.write",
        "at most 3",
        "output/report.md",
        "data/orders.csv",
        "2019",
    ):
        assert words in shown
    assert '"files.read"' not in shown
    assert '"calls"' not in shown


def test_a_person_approves_edits_and_rejects_on_the_page(
    person: FlaskClient, web: Flask, asking: dict[str, Task]
) -> None:
    task = asking["approving"]
    page, digest = f"/inbox/{asked(task)['approval']}", asked(task)["digest"]
    assert send(person, page, choice="approve", digest="0" * 64).status_code == 409
    assert send(person, page, choice="edit", digest=digest, **{"in.path": "", "in.text": "mine"}).status_code == 422
    fields = {"in.path": "output/report.md", "in.text": "mine\r\nand yours"}
    assert send(person, page, choice="edit", digest=digest, **fields).status_code == 303
    assert state_of(web, task) == (ApprovalState.EDITED, "mine\nand yours")
    gone = send(person, page, choice="reject", digest=digest)
    assert gone.status_code == 409
    plan = asking["approving_plan"]
    no = send(person, f"/inbox/{asked(plan)['approval']}", choice="reject", digest=asked(plan)["digest"], reason="no")
    assert no.headers["Location"] == "/inbox"
    assert "It was rejected</strong>, by you" in person.get(f"/inbox/{asked(plan)['approval']}").text
    assert "Nothing waits for you" in person.get("/inbox").text


def test_what_the_tool_cannot_use_comes_back_as_it_was_typed(
    person: FlaskClient, web: Flask, asking: dict[str, Task]
) -> None:
    task = asking["approving"]
    page, digest = f"/inbox/{asked(task)['approval']}", asked(task)["digest"]
    text = '{"path": "a.md", "text": "kept as typed", "colour": "red"}'
    back = send(person, page, choice="edit", digest=digest, arguments=text)
    assert back.status_code == 422
    assert "colour" in back.text
    assert "kept as typed" in back.text
    broken = send(person, page, choice="edit", digest=digest, arguments="{broken")
    assert (broken.status_code, "{broken" in broken.text) == (422, True)
    assert state_of(web, task) == ("waiting", None)


def test_an_unchanged_form_is_the_same_call(person: FlaskClient, web: Flask) -> None:
    arguments = {"path": "output/a.md", "text": "\n  two\nlines ", "append": True}
    with filling(web) as session:
        task = make_task(session, State.PAUSED, title="Exact")
        task.state = State.WAITING
        ask_approval(session, task, arguments=arguments)
    page = f"/inbox/{asked(task)['approval']}"
    fields = {"in.path": "output/a.md", "in.text": "\r\n  two\r\nlines ", "in.append": "on"}
    assert send(person, page, choice="edit", digest=asked(task)["digest"], **fields).status_code == 303
    assert state_of(web, task) == (ApprovalState.APPROVED, None)


def test_what_is_too_long_for_the_list_is_answered_where_all_of_it_is_seen(person: FlaskClient, web: Flask) -> None:
    arguments = {"path": "a.md", "text": f"{'harmless ' * 1000}and the end", "append": False}
    with filling(web) as session:
        task = make_task(session, State.PAUSED)
        task.state = State.WAITING
        ask_approval(session, task, arguments=arguments)
    listed = person.get("/inbox").text
    assert "Look at all of it" in listed
    assert 'value="approve"' not in listed
    assert "and the end" not in listed
    assert "and the end" in person.get(f"/inbox/{asked(task)['approval']}").text


def test_nothing_in_the_arguments_can_hide(person: FlaskClient, web: Flask) -> None:
    hiding = {"path": "a\u202emd.exe", "text": "rm -rf output\recho all is well\x1b[1A\u200b", "append": False}
    with filling(web) as session:
        task = make_task(session, State.PAUSED)
        task.state = State.WAITING
        ask_approval(session, task, arguments=hiding, diff="+rm -rf output\recho all is well\n")
    shown = person.get(f"/inbox/{asked(task)['approval']}").text
    assert "<code>a\\u202emd.exe</code>" in shown
    assert "rm -rf output\\recho all is well\\u001b[1A\\u200b" in shown
    assert "+rm -rf output\\recho all is well" in shown


def test_many_are_answered_after_one_question(person: FlaskClient, web: Flask, asking: dict[str, Task]) -> None:
    picked = [f"{asked(task)['approval']}:{asked(task)['digest']}" for task in asking.values()]
    question = send(person, "/inbox", picked=picked, choice="approve").text
    assert "Approve 2 calls?" in question
    assert "Write the report" in question
    with filling(web) as session:
        first = asking["approving"]
        withdrawn = update(Approval).where(Approval.task_id == first.id).values(state=ApprovalState.WITHDRAWN)
        session.execute(withdrawn.execution_options(synchronize_session=False))
    done = send(person, "/inbox/many", picked=" ".join(picked), choice="approve")
    assert done.status_code == 303
    assert "Approved 1. 1 other had been answered already." in person.get("/").text
    assert state_of(web, asking["approving_plan"])[0] == ApprovalState.APPROVED
    assert "Nothing is chosen" in send(person, "/inbox", choice="approve").text


def test_an_agent_is_told_what_it_must_ask_before(api: Api, web: Flask) -> None:
    with filling(web) as session:
        make_agent(session, "careful")
    changed = api.ask("PATCH", "/v1/agents/careful", json={"approvals": ["drill.note_once", "plan", "plan"]})
    assert (changed.status_code, changed.json["approvals"]) == (200, ["drill.note_once", "plan"])
    wrong = api.ask("PATCH", "/v1/agents/careful", json={"approvals": ["plan", "drill.notes"]})
    assert (wrong.status_code, wrong.json["problems"][0]["path"]) == (422, "approvals[1]")
    assert api.ask("PATCH", "/v1/agents/careful", json={"approvals": []}).json["approvals"] == []
    told = get(api, "/v1/agents/careful")
    assert (told["approvals"], told["version"]) == ([], 3)


@pytest.mark.parametrize("choice", ["approve", "reject"])
def test_with_nothing_chosen_there_is_only_a_way_back(person: FlaskClient, choice: str) -> None:
    page = send(person, "/inbox", choice=choice).get_data(as_text=True)
    question = page.partition('class="ask"')[2].partition("</form>")[0]
    assert "Nothing is chosen" in question
    assert ("Back</a>" in question, "<button" in question) == (True, False)


def test_home_leads_to_the_lists_that_hold_what_needs_a_person(person: FlaskClient, web: Flask) -> None:
    with filling(web) as session:
        make_task(session, State.FAILED).dead_letter_at = now()
    header = person.get("/").get_data(as_text=True).partition('id="needs-title"')[2].partition("</header>")[0]
    assert ('href="/dead-letters"' in header, 'href="/inbox"' in header) == (True, False)
    with filling(web) as session:
        task = make_task(session, State.PAUSED)
        task.state = State.WAITING
        ask_approval(session, task)
    header = person.get("/").get_data(as_text=True).partition('id="needs-title"')[2].partition("</header>")[0]
    assert ('href="/dead-letters"' in header, 'href="/inbox"' in header) == (True, True)


def test_the_step_says_that_a_person_changed_its_call(person: FlaskClient, web: Flask) -> None:
    with filling(web) as session:
        task = make_task(session, State.RUNNING, done=1)
        step = session.scalars(select(Step).where(Step.task_id == task.id)).first()
        assert step is not None
        given = {"state": ApprovalState.EDITED, "decided_by": "cli:alice", "decided_at": now()}
        ask_approval(session, task, key=step.key, **given)
        # It was asked and answered before: the task runs.
        task.question = None
    text = person.get(f"/tasks/{task.id}").get_data(as_text=True)
    assert text.count("Approved with changes by") == 1
