"""Nobody sees a page without a link that was made on the machine, and a link is good once."""

import pytest
from playwright.sync_api import Browser, expect

from tests.acceptance.conftest import Place, SignIn

BEHIND_THE_GATE = ("/", "/tasks", "/tasks/new", "/agents", "/tasks/{running}", "/tasks/{succeeded}/files.zip")


@pytest.mark.parametrize("path", BEHIND_THE_GATE)
def test_a_stranger_is_told_how_to_get_a_link(examples: Place, browser: Browser, path: str) -> None:
    page = browser.new_page()
    page.goto(examples.url + path.format(**examples.tasks))
    assert page.url == f"{examples.url}/sign-in"
    assert "bin/opscore link" in page.inner_text("main")
    page.close()


def test_looking_at_a_link_does_not_use_it_up(examples: Place, browser: Browser) -> None:
    link = examples.link()
    previewer = browser.new_context(java_script_enabled=False)
    page = previewer.new_page()
    page.goto(link)
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{examples.url}/")
    previewer.close()


def test_a_used_link_signs_nobody_in(examples: Place, browser: Browser) -> None:
    link = examples.link()
    for is_first in (True, False):
        context = browser.new_context()
        page = context.new_page()
        page.goto(link)
        if is_first:
            page.wait_for_url(f"{examples.url}/")
        else:
            expect(page.get_by_role("alert")).to_contain_text("not good any more")
        context.close()


def test_a_person_comes_back_to_the_page_they_wanted(examples: Place, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{examples.url}/tasks?state=failed")
    page.goto(examples.link())
    page.wait_for_url(f"{examples.url}/tasks?state=failed")
    context.close()


def test_signing_out_ends_the_session(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples)
    page.get_by_role("button", name="Sign out").click()
    page.goto(examples.url)
    assert page.url == f"{examples.url}/sign-in"


def test_the_session_cookie_is_out_of_scripts_reach(examples: Place, sign_in: SignIn) -> None:
    cookie = next(each for each in sign_in(examples).context.cookies() if each["name"].startswith("opscore_"))
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")


def test_a_forged_form_is_refused(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples)
    answer = page.request.post(f"{examples.url}/tasks/new/from/survey-code-base", form={"in.top_n": "3"})
    assert answer.status == 400
