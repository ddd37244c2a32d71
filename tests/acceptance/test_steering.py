"""A person cancels, pauses, retries and stops what really runs, by mouse and by keyboard."""

import os
import signal

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from models import scope
from models.database import bare_app, db, reading
from models.run import Run
from tests.acceptance.conftest import Place, SignIn, faults
from tests.acceptance.test_watching_a_task import ends, hand_in
from tests.support.started import wait_until

LONG = """\
name: long
title: Long work
complexity: {level}
steps:
  - {{name: first, stage: build, tool: files.write, with: {{path: output/first.txt, text: one}}}}
  - name: long
    stage: build
    tool: python.run
    with:
      code: |
        import subprocess, time
        children = [subprocess.Popen(["sleep", "99"]) for _ in range(2)]
        time.sleep({seconds})
  - {{name: last, stage: test, tool: files.write, with: {{path: output/last.txt, text: two}}}}
"""
FAILS = """\
name: fails
title: Doomed work
complexity: 2
steps:
  - {name: first, stage: build, tool: files.write, with: {path: output/first.txt, text: one}}
  - {name: fail, stage: test, tool: terminal.run, with: {command: ["false"]}}
"""
ONCE = """\
name: once
title: Mail the report
complexity: 2
steps:
  - {name: mail, title: Send the report, stage: build, tool: drill.note_once, with: {key: mail, sleep_s: 60}}
  - {name: last, stage: test, tool: files.write, with: {path: output/last.txt, text: sent}}
"""


def runs(page: Page, place: Place, seconds: float = 60, level: int = 2) -> str:
    """A task that is in the middle of its second step, on its page."""
    task_id = hand_in(page, place, LONG.format(seconds=seconds, level=level))
    expect(page.locator("#step-2")).to_have_attribute("data-state", "started", timeout=60_000)
    return task_id


def test_cancel_by_the_keyboard_is_asked_about_and_confirmed(opscore: Place, sign_in: SignIn) -> None:
    page = sign_in(opscore)
    runs(page, opscore)
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The one finished step and its files stay")
    expect(dialog.get_by_role("link", name="Keep it")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("c")
    expect(dialog).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    ends(page, "cancelled")
    expect(page.locator("#task-head .banner")).to_contain_text("killed")
    expect(page.locator("#task-head .banner")).to_contain_text("by you")
    expect(page.locator("#step-1")).to_have_attribute("data-state", "succeeded")
    assert faults(page) == []


def kill_the_run_of(place: Place, task_id: str) -> None:
    with bare_app(place.told).app_context(), scope.acting("person:local"):
        with reading() as session:
            pid = session.scalars(select(Run.pid).where(Run.task_id == task_id, Run.ended_at.is_(None))).one()
        db.engine.dispose()
    os.kill(pid, signal.SIGKILL)


def test_what_must_happen_once_and_was_cut_off_is_asked_about(opscore: Place, sign_in: SignIn) -> None:
    page = sign_in(opscore)
    task_id = hand_in(page, opscore, ONCE)
    ledger = opscore.told.data_dir.with_name("ledger")
    wait_until(lambda: ledger.exists() and task_id in ledger.read_text(), "the effect is there", 60)
    kill_the_run_of(opscore, task_id)
    ends(page, "waiting")
    expect(page.locator(".question")).to_contain_text("The step “Send the report” was cut off while it ran")
    assert faults(page) == []
    page.get_by_role("button", name="It has happened").click()
    ends(page, "succeeded")
    assert ledger.read_text().count(task_id) == 1


def test_pause_now_resume_and_replay_lead_to_the_end(opscore: Place, sign_in: SignIn) -> None:
    page = sign_in(opscore)
    runs(page, opscore, seconds=3)
    page.get_by_role("link", name="Pause now").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause now").click()
    ends(page, "paused")
    page.keyboard.press("p")
    ends(page, "succeeded")
    page.locator("#step-3").get_by_role("link", name="Replay").click()
    expect(page.get_by_role("dialog")).to_contain_text("Steps 1 to 2 stay as they are.")
    page.get_by_role("button", name="Replay 1 step").click()
    expect(page.locator(".earlier")).to_contain_text("Earlier attempt")
    ends(page, "succeeded")
    page.locator(".earlier > summary").click()
    expect(page.locator(".superseded")).to_be_visible()


def test_a_dead_letter_is_found_retried_and_dismissed(opscore: Place, sign_in: SignIn) -> None:
    page = sign_in(opscore)
    task_id = hand_in(page, opscore, FAILS)
    ends(page, "failed")
    page.goto(f"{opscore.url}/dead-letters")
    letter = page.locator(f"#letter-{task_id}")
    expect(letter).to_contain_text("Step 2 Fail")
    letter.get_by_role("button", name="Retry").click()
    expect(page.locator("#notices")).to_contain_text("Retried")
    page.goto(f"{opscore.url}/tasks/{task_id}")
    expect(page.locator(".earlier")).to_be_visible(timeout=30_000)
    ends(page, "failed")
    page.goto(f"{opscore.url}/dead-letters")
    letter.get_by_role("button", name="Dismiss").click()
    expect(letter).to_be_hidden()


@pytest.mark.long
def test_a_paused_queue_holds_its_tasks_back_until_it_is_resumed(opscore: Place, sign_in: SignIn) -> None:
    page = sign_in(opscore, "/queues")
    row = page.locator("#queue-complexity-2")
    row.get_by_role("link", name="Pause").click()
    page.get_by_label("Why").fill("the disk is full")
    page.get_by_role("button", name="Pause the queue").click()
    expect(row).to_contain_text("the disk is full")
    assert faults(page) == []
    held = page.context.new_page()
    hand_in(held, opscore, FAILS.replace('"false"', '"true"'))
    expect(held.locator("#task-head .banner")).to_contain_text("paused")
    row.get_by_role("button", name="Resume").click()
    ends(held, "succeeded")


def test_the_emergency_stop_stands_on_every_page_until_it_is_released(opscore: Place, sign_in: SignIn) -> None:
    page = sign_in(opscore)
    task_id = runs(page, opscore, seconds=3)
    other = page.context.new_page()
    other.goto(f"{opscore.url}/queues")
    page.get_by_role("link", name="Stop everything").click()
    page.get_by_label("Why").fill("wrong mails")
    page.get_by_role("dialog").get_by_role("button", name="Stop everything").click()
    for each in (page, other):
        expect(each.locator(".stopped")).to_contain_text("by you: wrong mails.", timeout=30_000)
    ends(page, "paused")
    assert faults(page) == []
    other.get_by_role("link", name="Release").click()
    other.get_by_role("dialog").get_by_role("button", name="Release").click()
    expect(other.locator(".stopped")).to_be_hidden()
    ends(page, "succeeded")
    expect(page.locator(".stopped")).to_be_hidden(timeout=30_000)
    assert task_id in page.url
