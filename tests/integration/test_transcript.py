"""A transcript tells the whole run, without a secret and without anything from outside."""

import re
from html.parser import HTMLParser

import pytest
from flask import Flask
from sqlalchemy import select

import settings
from models.approval import Approval, ApprovalState
from models.columns import now
from models.database import writing
from models.event import Event
from models.states import State
from models.step import Step
from models.task import Task
from tasks.providers import records as providers
from tests.support import factories
from tests.support.web import Api
from webapp.gate import PERSON
from webapp.transcript import bounds

ASKED = "Count the files, politely."
CREDENTIAL = "looks-like-nothing-special"
SECRET = "sk-or-v1-" + "0123456789abcdef" * 2
PROMPT = {"name": "agent", "version": "1", "digest": "0123456789abcdef"}
LOOKS = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What says nothing of the database is tried on one."""


class Outside(HTMLParser):
    """Notes what a browser would fetch, run or open by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag in ("script", "img", "link", "iframe", "form", "object", "base") or names & {"src", "srcset", "onclick"}:
            self.found.append(tag)


@pytest.fixture
def task(web: Flask) -> Task:
    """A task with a model's call, its tool's call, an approval, a file and secrets everywhere."""
    told = settings.load()
    providers.create(providers.Wanted("demo", base_url="http://127.0.0.1:9/v1", credential=CREDENTIAL))
    with writing() as session:
        task = factories.make_task(
            session, State.SUCCEEDED, title="<Count> `files`", description=ASKED, inputs={"api_key": "hunter2hunter2"}
        )
        first, second = session.scalars(select(Step).where(Step.task_id == task.id).order_by(Step.position)).all()[:2]
        first.tool, first.title = "model.call", "Ask the model"
        first.stdout = "I **count** <script>alert(1)</script> \\<img src=x> 1 < 2 ![x](http://evil.example/x.png)"
        first.output = {"text": first.stdout, "calls": [{"name": "files_write"}], "message": {"key": CREDENTIAL}}
        first.usage = {
            "provider": "demo", "model": "demo/small", "prompt": PROMPT, "input_tokens": 1200, "output_tokens": 30,
            "cost": 4200,
        }  # fmt: skip
        second.parent_id = first.id
        second.arguments = {"text": f"the token is {told.token}", "key": SECRET}
        second.for_model = f"told {CREDENTIAL}"
        second.stdout = f"printed {SECRET}\n```\nand a fence\n"
        factories.make_artifact(session, task, second, "output/report.html")
        asked: dict[str, object] = {"task_id": task.id, "epoch": 1, "digest": "0" * 64, "asked_at": now()}
        session.add(
            Approval(
                **asked, key="a", tool="mail.send", title="Send a mail", arguments={"to": "bob@example.org"},
                state=ApprovalState.REJECTED, decided_by="person:local", decided_at=now(), reason="not to Bob",
            )
        )  # fmt: skip
        for event in session.scalars(select(Event).where(Event.subject_id == task.id, Event.kind == "task.claimed")):
            event.data = {**event.data, "agent": told.session_key}
    return task


def fetched(api: Api, task: Task, form: str) -> str:
    answer = api.ask("GET", f"/v1/tasks/{task.id}/transcript?format={form}")
    assert answer.status_code == 200, answer.text
    return answer.text


def totals(text: str) -> str:
    return text.partition("## Totals")[2].partition("##")[0]


@pytest.mark.parametrize("form", ["md", "html"])
def test_transcript_tells_what_was_asked_done_decided_and_paid(api: Api, task: Task, form: str) -> None:
    text = fetched(api, task, form)
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)) if form == "html" else text
    for expected in (
        ASKED, "Ask the model", "demo/small", "agent version 1", "1,200 in, 30 out", "$0.0042", "Send a mail",
        "Asks for", "rejected", "not to Bob",
        "a person (local)", "another text by now", "bob@example.org", "output/report.html", "Handed in", "Succeeded",
    ):  # fmt: skip
        assert expected in shown, expected


@pytest.mark.parametrize("form", ["md", "html"])
@LOOKS
def test_transcript_holds_no_secret(api: Api, task: Task, form: str) -> None:
    told = settings.load()
    text = fetched(api, task, form)
    for secret in (SECRET, CREDENTIAL, told.token, told.session_key, "hunter2hunter2"):
        assert secret not in text
    assert "***" in text


@LOOKS
def test_page_loads_runs_and_opens_nothing(api: Api, task: Task) -> None:
    outside = Outside()
    outside.feed(fetched(api, task, "html"))
    assert outside.found == []
    assert "default-src 'none'" in fetched(api, task, "html")


@LOOKS
def test_markdown_keeps_what_was_printed_in_its_fence_and_fetches_no_picture(api: Api, task: Task) -> None:
    text = fetched(api, task, "md")
    assert "````\nprinted ***\n```\nand a fence\n````" in text
    assert "# \\<Count\\> \\`files\\`" in text
    assert (
        "> I **count** &lt;script>alert(1)&lt;/script> \\&lt;img src=x> 1 < 2 !\\[x](http://evil.example/x.png)" in text
    )


def test_totals_are_of_all_steps_where_only_the_first_are_shown(
    api: Api, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fetched(api, task, "md")
    monkeypatch.setattr(bounds, "MOST_STEPS", 2)
    monkeypatch.setattr(bounds, "AT_ONCE", 1)
    text = fetched(api, task, "md")
    assert "The first 2 of 5 steps are shown. The totals are of all." in text
    assert "steps are shown" not in whole
    assert totals(text) == totals(whole)
    assert "### 3. " in whole
    assert "### 3. " not in text


@LOOKS
def test_transcript_is_bounded_in_bytes_and_says_what_it_leaves_out(
    api: Api, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STEPS_BYTES", "APPROVALS_BYTES", "EVENTS_BYTES", "FILES_BYTES"):
        monkeypatch.setattr(bounds, name, 0)
    text = fetched(api, task, "md")
    assert "The first 0 of 5 steps are shown." in text
    assert "The first 0 of 1 approvals are shown." in text
    assert re.search(r"The first 0 of \d+ events are shown\.", text)
    assert "Not all files are shown." in text
    assert len(text) < 4000


@LOOKS
def test_page_of_a_task_offers_its_export(web: Flask, task: Task) -> None:
    client = web.test_client()
    assert client.get(f"/tasks/{task.id}/transcript.html").status_code == 302
    with client.session_transaction() as session:
        session["person"] = PERSON
    assert f"/tasks/{task.id}/transcript.md" in client.get(f"/tasks/{task.id}/log").text
    answer = client.get(f"/tasks/{task.id}/transcript.html")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    assert client.get(f"/tasks/{task.id}/transcript.pdf").status_code == 404


@LOOKS
def test_transcript_of_a_task_that_has_not_begun_says_so(api: Api, web: Flask) -> None:
    with writing() as session:
        task = factories.make_task(session)
    assert "No step has begun." in fetched(api, task, "md")
