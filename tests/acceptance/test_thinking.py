"""A person gives agents a model, asks one in words, and watches the answer come; by keyboard where it matters."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.conftest import PHONE, Place, SignIn, faults
from tests.support.model_server import DemoProcess, demo_process

SCRIPT: dict[str, Any] = {
    "shape": "openai",
    "models": [{"id": "large"}, {"id": "small"}],
    "rules": [{"when": {"model": "large"}, "status": 503, "message": "overloaded"}],
    "turns": [
        {
            "text": "I will **write** it down, and then say so.",
            "piece_delay_s": 0.25,
            "tool_calls": [{"name": "files.write", "arguments": {"path": "output/note.md", "text": "Hello.\n"}}],
        },
        {"text": "It is in `output/note.md`:\n\n- **Hello**\n\n<img src=x onerror=alert(1)>"},
    ],
}  # fmt: skip


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[DemoProcess]:
    with demo_process(SCRIPT, tmp_path) as running:
        yield running


def _add_models(page: Page, place: Place, demo: DemoProcess) -> None:
    page.goto(f"{place.url}/models")
    # The other tests of this installation may have left a provider, switched off.
    if (more := page.get_by_role("button", name="Add a provider")).count():
        more.click()
    page.get_by_role("link", name="Another server").click()
    page.get_by_label("Address of its API").fill(demo.url)
    page.get_by_role("button", name="Add and test it").click()
    expect(page.locator(".provider-state")).to_contain_text("It answers")
    page.get_by_role("searchbox").fill("larg")
    expect(page.locator("#offered li:visible")).to_have_count(1)
    page.get_by_role("checkbox", name="large").check()
    page.get_by_role("searchbox").fill("small")
    page.get_by_role("checkbox", name="small").check()
    assert faults(page) == []
    page.get_by_role("button", name="Add the chosen models").click()
    expect(page.locator(".models-table tbody tr")).to_have_count(2)


def _price(page: Page, place: Place, model: str) -> None:
    page.goto(f"{place.url}/models")
    page.get_by_role("link", name=f"Change server/{model}", exact=True).click()
    page.get_by_label("What it reads").fill("0.5")
    page.get_by_label("What it writes").fill("1")
    page.get_by_role("button", name="Keep it").click()
    page.wait_for_url("**/models")


def test_a_person_gives_agents_a_model_asks_and_watches_the_answer_come(
    opscore: Place, sign_in: SignIn, demo: DemoProcess
) -> None:
    page = sign_in(opscore)
    page.goto(f"{opscore.url}/tasks/new/ask")
    expect(page.locator("#page .banner")).to_contain_text("No model is there yet")
    _add_models(page, opscore, demo)
    for model in ("large", "small"):
        _price(page, opscore, model)

    page.goto(f"{opscore.url}/tasks/new/ask")
    page.get_by_label("What shall be done?").fill("Write a note.\nThen say where it is.")
    page.get_by_label("Files that must be there at the end").fill("output/note.md")
    page.get_by_label("Money, US dollars").fill("lots")
    page.get_by_role("button", name="Start the task").click()
    expect(page.locator("[id='wrong-budget.cost']")).to_contain_text("Write dollars")
    expect(page.get_by_label("What shall be done?")).to_have_value("Write a note.\nThen say where it is.")
    page.get_by_label("Money, US dollars").fill("0.50")
    page.get_by_label("Money, US dollars").blur()
    expect(page.locator("#plan")).to_contain_text("server/large, then server/small")
    page.get_by_role("button", name="Start the task").click()

    page.wait_for_url(re.compile(r"/tasks/[0-9a-f-]{36}$"))
    expect(page.locator(".answer.streams").first).to_contain_text("I will")
    expect(page.locator("#answer")).to_contain_text("It is in output/note.md")
    expect(page.locator("#answer strong")).to_have_text("Hello")
    assert page.locator("#answer img").count() == 0
    expect(page.locator(".said").first).to_contain_text("server/small is asked in place of server/large")
    expect(page.locator(".calls-of").first).to_contain_text("files.write")
    expect(page.locator("#task-head")).to_contain_text("of $0.50")
    assert faults(page) == []
    task = page.url
    page.goto(f"{opscore.url}/spend")
    expect(page.get_by_role("link", name="Write a note.")).to_have_attribute("href", re.compile(task[-36:]))


def test_the_order_of_models_is_changed_by_the_keyboard(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, "/models")
    names = page.locator(".models-table tbody th .mono")
    before = names.all_inner_texts()
    page.get_by_role("button", name=f"Ask later: ollama/{before[0]}", exact=True).focus()
    page.keyboard.press("Enter")
    expect(names).to_have_text([before[1], before[0], *before[2:]])
    expect(page.get_by_role("button", name=f"Ask later: ollama/{before[0]}", exact=True)).to_be_focused()
    page.get_by_role("button", name=f"Ask earlier: ollama/{before[0]}", exact=True).focus()
    page.keyboard.press("Enter")
    expect(names).to_have_text(before)


def test_what_removing_a_provider_would_hit_is_asked_before(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, "/models/of/ollama", viewport=PHONE)
    page.get_by_role("link", name="Remove").click()
    asked = page.locator("#ask")
    expect(asked).to_contain_text("Remove the provider ollama?")
    expect(asked).to_contain_text("named it")
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(asked).not_to_be_visible()
    expect(page.get_by_role("heading", name="ollama")).to_be_visible()


def test_every_room_is_reached_on_a_phone(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, viewport=PHONE)
    page.get_by_role("button", name="Menu").click()
    for room in ("Work", "Thinking", "System"):
        expect(page.get_by_role("heading", name=room, exact=True)).to_be_visible()
    assert faults(page) == []
    page.get_by_role("link", name="Spend").click()
    page.wait_for_url("**/spend")
    expect(page.get_by_role("heading", name="Last 30 days")).to_be_visible()
