"""A person hands a table in, watches the agent work, and opens the report; also when the web process is killed."""

from pathlib import Path

import psutil
from playwright.sync_api import Page, expect
from sqlalchemy import select

from models import scope
from models.database import bare_app, db
from models.event import Event
from tests.acceptance.conftest import Place, SignIn, faults
from tests.support.started import Started, wait_until

SLOW = """\
name: slow
title: Slow work
steps:
  - {name: first, stage: build, tool: python.run, with: {code: "print('one')"}}
  - name: long
    stage: build
    tool: python.run
    with:
      code: |
        import time
        for number in range(60):
            print("tick", number, flush=True)
            time.sleep(0.25)
  - {name: last, stage: test, tool: files.write, with: {path: output/end.txt, text: done}}
"""
HOSTILE = """\
name: hostile
title: A hostile page
steps:
  - name: write
    stage: build
    tool: files.write
    with:
      path: output/page.html
      text: |
        <p id=out>nothing ran</p><script>
        const tried = [];
        for (const attempt of [() => parent.document.title, () => document.cookie, () => localStorage.length]) {
          try { tried.push("reached " + attempt()); } catch { tried.push("refused"); }
        }
        fetch("/tasks").then(() => tried.push("fetched"), () => tried.push("refused")).finally(() => {
          document.getElementById("out").textContent = tried.join(", ");
        });
        </script>
"""


def numbers_in_database(place: Place, task_id: str) -> list[int]:
    with bare_app(place.told).app_context(), scope.acting("person:local"):
        found = select(Event.number).where(Event.subject_id == task_id).order_by(Event.number)
        numbers = list(db.session.scalars(found))
        db.session.remove()
        db.engine.dispose()
    return numbers


def hand_in(page: Page, place: Place, playbook: str) -> str:
    page.goto(f"{place.url}/tasks/new/playbook")
    page.fill("#playbook", playbook)
    page.get_by_role("button", name="Start the task").click()
    page.wait_for_url("**/tasks/0*")
    return page.url.rsplit("/", 1)[1]


def ends(page: Page, state: str, within_s: float = 60) -> None:
    expect(page.locator("#task-head")).to_have_attribute("data-state", state, timeout=within_s * 1000)


def test_a_table_is_uploaded_analysed_and_its_report_opened(opscore: Place, sign_in: SignIn, tmp_path: Path) -> None:
    table = tmp_path / "sales.csv"
    table.write_text("region,amount\nnorth,20\nsouth,13\neast,\n")
    page = sign_in(opscore, "/tasks/new/from/analyse-table")
    page.set_input_files("[data-upload-file]", table)
    expect(page.locator("[data-upload-words]")).to_contain_text("uploaded")
    page.get_by_role("button", name="Start the task").click()
    ends(page, "succeeded")
    expect(page.locator("article.step[data-state=succeeded]")).to_have_count(5)
    assert faults(page) == []
    page.get_by_role("link", name="Open report.html").click()
    expect(page.frame_locator("iframe").locator("h1")).to_be_visible()
    page.goto(f"{opscore.url}/")
    page.get_by_role("link", name="report.html").first.click()
    expect(page.frame_locator("iframe").locator("h1")).to_be_visible()


def test_a_broken_table_fails_and_says_why_at_the_top(opscore: Place, sign_in: SignIn, tmp_path: Path) -> None:
    table = tmp_path / "ragged.csv"
    table.write_text("a,b,c\n1,2,3\n4,5\n")
    page = sign_in(opscore, "/tasks/new/from/analyse-table")
    page.set_input_files("[data-upload-file]", table)
    expect(page.locator("[data-upload-words]")).to_contain_text("uploaded")
    page.get_by_role("button", name="Start the task").click()
    ends(page, "failed")
    expect(page.get_by_role("alert").first).to_contain_text("ragged.csv line 3 has 2 cells")
    page.get_by_role("link", name="Mend the input and try again").click()
    expect(page.locator("[data-upload-words]")).to_contain_text("ragged.csv")


def test_no_event_is_missed_when_the_web_process_is_killed(opscore: Place, started: Started, sign_in: SignIn) -> None:
    page = sign_in(opscore)
    task_id = hand_in(page, opscore, SLOW)
    log = page.context.new_page()
    log.goto(f"{opscore.url}/tasks/{task_id}/log")
    expect(page.locator("[data-live-output]")).to_contain_text("tick")
    pid = started.pid("web")
    assert pid is not None
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        process.kill()
    wait_until(lambda: started.pid("web") not in (pid, None), "the web process is started again", 60)
    for each in (page, log):
        ends(each, "succeeded", 90)
    wanted = numbers_in_database(opscore, task_id)
    assert wanted == list(range(1, len(wanted) + 1))
    expect(log.locator("#log tr")).to_have_count(len(wanted))
    shown = log.locator("#log tr").evaluate_all("rows => rows.map(row => Number(row.dataset.number))")
    assert shown == wanted
    expect(page.locator("#seen")).to_have_attribute("data-event-number", str(wanted[-1]))
    expect(page.locator("article.step[data-state=succeeded]")).to_have_count(3)


def test_an_opened_fold_stays_open_while_the_page_lives(opscore: Place, sign_in: SignIn) -> None:
    page = sign_in(opscore)
    hand_in(page, opscore, SLOW)
    expect(page.locator("#step-1")).to_have_attribute("data-state", "succeeded")
    page.locator("#step-1 summary").first.click()
    expect(page.locator("#step-1 .printed")).to_contain_text("one")
    ends(page, "succeeded")
    expect(page.locator("#step-1 .printed")).to_be_visible()
    expect(page.locator("#step-1 .printed")).to_contain_text("one")


def test_a_notice_says_on_another_page_that_the_task_ended(opscore: Place, sign_in: SignIn) -> None:
    page = sign_in(opscore)
    hand_in(page, opscore, SLOW)
    page.goto(f"{opscore.url}/agents")
    expect(page.locator("#notices")).to_contain_text("Slow work", timeout=60_000)
    expect(page.locator("#notices")).to_contain_text("Is done")
    assert faults(page) == []


def test_a_page_that_an_agent_wrote_reaches_nothing(opscore: Place, sign_in: SignIn) -> None:
    page = sign_in(opscore)
    task_id = hand_in(page, opscore, HOSTILE)
    ends(page, "succeeded")
    page.goto(f"{opscore.url}/tasks/{task_id}/raw/output/page.html")
    assert page.url.endswith("/view/output/page.html")
    out = page.frame_locator("iframe").locator("#out")
    expect(out).to_have_text("refused, refused, refused, refused")


def test_every_page_of_a_real_task_is_free_of_faults(opscore: Place, sign_in: SignIn) -> None:
    page = sign_in(opscore)
    task_id = hand_in(page, opscore, HOSTILE)
    ends(page, "succeeded")
    for path in ("", "/files", "/files?path=README.md", "/changes", "/log", "/view/output/page.html"):
        page.goto(f"{opscore.url}/tasks/{task_id}{path}")
        assert faults(page) == [], path


def test_downloads_are_attachments(opscore: Place, sign_in: SignIn) -> None:
    page = sign_in(opscore)
    task_id = hand_in(page, opscore, HOSTILE)
    ends(page, "succeeded")
    for path in ("download/output/page.html", "files.zip"):
        answer = page.request.get(f"{opscore.url}/tasks/{task_id}/{path}")
        assert answer.status == 200
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
