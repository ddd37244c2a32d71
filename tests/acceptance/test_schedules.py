"""A person with a browser makes a schedule: the next times show as they type, and each page has its looks."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.conftest import Place, SignIn, faults, settled
from tests.acceptance.test_looks import LOOKS
from tests.support.web import PLAYBOOK


def test_next_times_show_as_one_types_and_the_schedule_is_kept(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, "/schedules", timezone_id="Africa/Nairobi")
    page.click("text=New schedule")
    page.click("text=Your own playbook")
    expect(page.locator("#time_zone")).to_have_value("Africa/Nairobi")
    page.fill("#rule", "30 6 * *")
    preview = page.locator("#preview")
    expect(preview).to_contain_text("has 4 fields; write five fields")
    page.fill("#rule", "30 6 * * MON-FRI")
    expect(preview).to_contain_text("At 06:30 on Monday through Friday")
    expect(preview.locator("li")).to_have_count(5)
    expect(preview).to_contain_text("06:30 EAT")
    expect(preview).to_contain_text("03:30 UTC")
    page.fill("#time_zone", "Europe/Berlin")
    expect(preview).to_contain_text(re.compile("06:30 CES?T"))
    page.click("text=Keep the schedule")
    expect(page.locator("#wrong-name")).to_contain_text("Give it a name")
    expect(page.locator("#rule")).to_have_value("30 6 * * MON-FRI")
    page.fill("#playbook", json.dumps(PLAYBOOK))
    page.fill("#name", "Mornings")
    page.click("text=Keep the schedule")
    expect(page.locator("h1")).to_have_text("Mornings")
    expect(page.locator(".next-times li")).to_have_count(5)


def test_schedule_is_paused_resumed_run_and_deleted_with_a_question_before(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples)
    _make(page, examples, "Doomed")
    page.click("button:has-text('Pause')")
    expect(page.locator(".badge").first).to_contain_text("Paused")
    page.click("button:has-text('Resume')")
    expect(page.locator(".badge").first).to_contain_text("Active")
    page.click("button:has-text('Run now')")
    expect(page.locator(".firings li")).to_have_count(1)
    page.click("a:has-text('Delete')")
    expect(page.locator("#ask")).to_contain_text("Delete the schedule “Doomed”?")
    page.click("#ask >> text=Keep it")
    page.click("a:has-text('Delete')")
    page.click("#ask button:has-text('Delete the schedule')")
    page.wait_for_url(f"{examples.url}/schedules")
    expect(page.locator("#schedules")).not_to_contain_text("Doomed")


@pytest.mark.parametrize("look", ["light", "dark phone"])
def test_pages_of_a_schedule_are_free_of_faults(examples: Place, sign_in: SignIn, look: str) -> None:
    page = sign_in(examples, **LOOKS[look])
    _make(page, examples, f"A schedule with a name that is rather long, for the {look}")
    page.click("button:has-text('Run now')")
    expect(page.locator(".firings li")).to_have_count(1)
    home, wrong = page.url, {}
    for path in (home, f"{home}/edit", f"{examples.url}/schedules"):
        page.goto(path)
        settled(page)
        for fold in page.locator("summary").all():
            fold.click()
        found = faults(page)
        if page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth"):
            found.append("wider than the screen")
        if found:
            wrong[path] = found
    assert not wrong


def _make(page: Page, place: Place, name: str) -> None:
    page.goto(f"{place.url}/schedules/new/playbook")
    page.fill("#name", name)
    page.fill("#rule", "30 6 * * MON-FRI")
    page.fill("#playbook", json.dumps(PLAYBOOK))
    page.click("text=Keep the schedule")
    expect(page.locator("h1")).to_have_text(name)
