"""A person tries a tool: a form, a real call in a real sandbox, and what came of it in the same place."""

from playwright.sync_api import expect

from tests.acceptance.conftest import PHONE, Place, SignIn, faults


def test_tool_is_tried_and_its_output_comes_into_the_page(opscore: Place, sign_in: SignIn) -> None:
    page = sign_in(opscore, "/playground", viewport=PHONE)
    page.get_by_label("Code").fill("print(open('src/data.csv').read().upper())")
    page.get_by_text("A file to begin with").click()
    page.get_by_label("Path in the workspace").fill("src/data.csv")
    page.get_by_label("What it holds").fill("a,b")
    page.get_by_role("button", name="Try it").click()
    result = page.get_by_role("region", name="Result")
    expect(result).to_have_attribute("data-state", "succeeded")
    expect(result.get_by_role("region", name="Output")).to_contain_text("A,B")
    assert page.get_by_label("Code").input_value().startswith("print(")
    assert faults(page) == []
    assert not page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth")


def test_tool_that_fails_says_why(opscore: Place, sign_in: SignIn) -> None:
    page = sign_in(opscore, "/playground?tool=files.read")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("alert").first).to_contain_text("Nothing was called")
    page.get_by_label("Path", exact=True).fill("nothing/here.txt")
    page.get_by_role("button", name="Try it").click()
    result = page.get_by_role("region", name="Result")
    expect(result).to_have_attribute("data-state", "failed")
    expect(result).to_contain_text("nothing/here.txt")
