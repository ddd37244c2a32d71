"""The list of tasks and the keyboard."""

from playwright.sync_api import Page, expect

from tests.acceptance.conftest import Place, SignIn


def test_the_search_finds_while_somebody_types(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, "/tasks")
    page.locator("#q").press_sequentially("runn ord")
    expect(page.locator("#task-rows li[data-id]")).to_have_count(1)
    expect(page.locator("#task-rows mark")).to_have_text(["Runn", "ord"])
    assert "q=runn" in page.url
    assert page.evaluate("() => document.activeElement.id") == "q"


def test_a_filter_stays_in_the_address(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, "/tasks")
    page.select_option("#state", "failed")
    failed = page.locator("#task-rows li[data-id]")
    expect(failed).to_have_count(2)  # one by itself, one of a family
    page.reload()
    expect(failed).to_have_count(2)
    assert page.input_value("#state") == "failed"


def hears_keys(page: Page) -> None:
    """Return when the page's scripts have run: the theme's button is named by them."""
    expect(page.locator("[data-theme-word]")).to_have_text("Dark")


def test_the_keys_lead_everywhere(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples)
    hears_keys(page)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    hears_keys(page)
    page.keyboard.type("n")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page).to_have_url(f"{examples.url}/tasks/new")
    hears_keys(page)
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page).to_have_url(f"{examples.url}/agents")


def test_the_skip_link_is_the_first_thing_that_tab_reaches(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#page")).to_be_focused()
