"""What a person decides on the pages: answers, many tasks at once, dead letters; without a script too.

Over rows alone, so that what was decided stays as it was decided: no agent takes anything here.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

import settings
from models import scope
from models.columns import now
from models.database import bare_app, db, writing
from models.states import State
from models.task import Task
from tests.acceptance.conftest import PHONE, Place, SignIn, faults
from tests.support import factories
from tests.support.web import live_web

MANY = 230


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Place]:
    """Pages over tasks that may be changed."""
    folder = tmp_path_factory.mktemp("decided")
    shutil.copyfile(migrated_sqlite, folder / "opscore.db")
    told = settings.Settings(data_dir=folder)
    with bare_app(told).app_context(), scope.acting("person:local"):
        with writing() as session:
            # Heard of for as long as the tests take: what is queued then needs nobody.
            factories.make_worker(session, factories.make_agent(session), last_seen_at=now() + timedelta(hours=1))
        db.engine.dispose()
    with live_web(told, folder / "web.log") as web:
        yield Place(web.url, told, {})


@pytest.fixture
def place(decided: Place) -> Place:
    """With this test's own tasks: one that asks, two dead letters of different reasons."""
    with bare_app(decided.told).app_context(), scope.acting("person:local"):
        with writing() as session:
            asking = factories.make_task(session, State.WAITING, done=2, title="Mail the report")
            failed = factories.make_task(session, State.FAILED, done=1, title="Read the orders")
            why = {"error_code": "lost", "error_message": "its worker died"}
            lost = factories.make_task(session, State.FAILED, done=1, title="Count the moon", **why)
            approving = {name: task.id for name, task in factories.approving(session).items()}
            made = {"asking": asking.id, "failed": failed.id, "lost": lost.id, **approving}
        db.engine.dispose()
    return replace(decided, tasks=made)


def happen(place: Place, task_id: str) -> None:
    """Let something be told of the task, which its page then asks for."""
    with bare_app(place.told).app_context(), scope.acting("person:local"):
        with writing() as session:
            task = session.scalars(select(Task).where(Task.id == task_id)).one()
            factories.make_event(session, task, "stage.entered", now(), stage="design")
        db.engine.dispose()


def in_inbox(page: Page, task_id: str) -> Locator:
    """The card of what the task asks for."""
    return page.locator("#inbox li.approval", has=page.locator(f"a[href='/tasks/{task_id}']"))


def crowd(place: Place, count: int, title: str) -> None:
    with bare_app(place.told).app_context(), scope.acting("person:local"):
        with writing() as session:
            for _ in range(count):
                factories.make_task(session, title=title)
        db.engine.dispose()


def test_a_question_is_answered_and_leaves_every_page(place: Place, sign_in: SignIn) -> None:
    page = sign_in(place, f"/tasks/{place.tasks['asking']}")
    home = page.context.new_page()
    home.goto(place.url)
    need = home.locator(f"#need-{place.tasks['asking']}")
    expect(need).to_contain_text("happen? It was cut off while it ran.")
    count = int(home.locator("#count-inbox").inner_text().split()[0])
    expect(page.locator(".question")).to_contain_text("it may have had its effect")
    page.get_by_role("button", name="It has happened").click()
    expect(page.locator("#task-head")).to_have_attribute("data-state", "queued")
    expect(page.locator("#step-3")).to_have_attribute("data-state", "succeeded")
    expect(need).to_be_hidden()
    expect(home.locator("#count-inbox")).not_to_contain_text(str(count))


def test_an_approval_is_given_in_the_inbox_and_leaves_it(place: Place, sign_in: SignIn) -> None:
    page = sign_in(place, "/inbox")
    asked = in_inbox(page, place.tasks["approving"])
    expect(asked).to_contain_text("+All is well.")
    count = int(page.locator("#count-inbox").inner_text().split()[0])
    asked.get_by_role("button", name="Approve Write the report").click()
    expect(asked).to_be_hidden()
    expect(page.locator("#count-inbox")).to_contain_text(str(count - 1))
    plan = in_inbox(page, place.tasks["approving_plan"])
    plan.get_by_text("Reject…").click()
    plan.get_by_label("Why not").fill("too dear")
    expect(plan.get_by_role("button", name="Approve")).to_be_hidden()
    plan.get_by_role("button", name="Reject it").click()
    expect(plan).to_be_hidden()


def test_what_a_person_types_into_a_call_outlives_what_happens_meanwhile(place: Place, sign_in: SignIn) -> None:
    page = sign_in(place, f"/tasks/{place.tasks['approving']}")
    card = page.locator(".question.approval")
    page.keyboard.press("e")
    card.get_by_role("textbox", name="Text").fill("As I want it.")
    happen(place, place.tasks["approving"])
    page.get_by_role("link", name="Log").wait_for()
    expect(page.locator("#seen")).not_to_have_value("0")
    expect(card.get_by_role("textbox", name="Text")).to_have_value("As I want it.")
    expect(card.get_by_role("button", name="Approve", exact=True)).to_be_hidden()
    card.get_by_role("button", name="Approve as edited").click()
    expect(page.locator("#task-head")).to_have_attribute("data-state", "queued")


def test_all_that_match_are_cancelled_after_a_preview(place: Place, sign_in: SignIn) -> None:
    crowd(place, MANY, "Weed the garden")
    page = sign_in(place, "/tasks?q=garden")
    page.locator(".bulk").get_by_role("link", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"Cancel {MANY} tasks?")
    expect(dialog.locator(".examples li")).to_have_count(6)
    assert faults(page) == []
    dialog.get_by_role("button", name=f"Cancel {MANY} tasks").click()
    expect(dialog.get_by_role("status")).to_have_text(f"{MANY} tasks cancelled.", timeout=60_000)
    assert faults(page) == []
    dialog.get_by_role("link", name="Close").click()
    expect(page.locator("#task-rows li[data-state=cancelled]").first).to_be_visible()
    page.locator(".bulk").get_by_role("link", name="Cancel").click()
    expect(dialog).to_contain_text("Nothing to cancel")


def test_dead_letters_are_grouped_by_reason_and_dismissed_together(place: Place, sign_in: SignIn) -> None:
    page = sign_in(place, "/dead-letters", viewport=PHONE)
    expect(page.get_by_role("heading", name="Its workers died")).to_be_visible()
    page.select_option("#code", "lost")
    expect(page.locator(f"#letter-{place.tasks['failed']}")).to_be_hidden()
    page.get_by_role("link", name="Dismiss all").click()
    page.get_by_role("dialog").get_by_role("button", name="Dismiss").click()
    page.get_by_role("dialog").get_by_role("link", name="Close").click()
    expect(page.locator(f"#letter-{place.tasks['lost']}")).to_be_hidden()
    page.goto(f"{place.url}/dead-letters")
    expect(page.locator(f"#letter-{place.tasks['failed']}")).to_be_visible()


def test_a_dismissed_dead_letter_can_be_brought_back(place: Place, sign_in: SignIn) -> None:
    page = sign_in(place, "/dead-letters")
    letter = page.locator(f"#letter-{place.tasks['failed']}")
    letter.get_by_role("button", name="Dismiss").click()
    expect(letter).to_be_hidden()
    page.locator("#notices").get_by_role("button", name="Undo").click()
    expect(letter).to_be_visible()


def test_the_stop_is_out_of_reach_of_a_slip_and_its_banner_is_on_every_page(place: Place, sign_in: SignIn) -> None:
    page = sign_in(place, "/agents", viewport=PHONE)
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Stop everything").click()
    expect(page.get_by_role("dialog").get_by_role("link", name="Let it run")).to_be_focused()
    page.get_by_role("dialog").get_by_role("button", name="Stop everything").click()
    expect(page.locator(".stopped")).to_contain_text("Everything is stopped")
    for path in ("/", "/queues", "/tasks/new"):
        page.goto(place.url + path)
        expect(page.locator(".stopped")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("link", name="Release").click()
    page.get_by_role("dialog").get_by_role("button", name="Release").click()
    expect(page.locator(".stopped")).to_be_hidden()


def test_everything_works_without_a_script(place: Place, sign_in: SignIn) -> None:
    signed_in = sign_in(place).context
    plain = signed_in.browser.new_context(java_script_enabled=False, storage_state=signed_in.storage_state())  # type: ignore[union-attr]
    page = plain.new_page()
    page.goto(f"{place.url}/tasks/{place.tasks['asking']}")
    page.get_by_role("link", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel the task").click()
    expect(page.locator(".state.badge").first).to_have_text("Cancelled")
    expect(page.locator("#notices")).to_contain_text("Cancelled.")
    page.goto(f"{place.url}/tasks/all/retry?q=mail")
    page.get_by_role("button", name="Retry 1 task").click()
    expect(page.locator("main")).to_contain_text("1 task retried.")
    plain.close()
