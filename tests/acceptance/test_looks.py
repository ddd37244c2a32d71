"""Every page, light, dark and on a phone: nothing for axe to find, nothing wider than the screen."""

import pytest

from tests.acceptance.conftest import PHONE, Place, SignIn, faults, settled

LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "viewport": PHONE},
    "dark phone": {"color_scheme": "dark", "viewport": PHONE},
}
PAGES = (
    "/", "/tasks", "/tasks?q=nothing-like-this", "/agents", "/services", "/searches", "/searches?q=nothing-like-this",
    "/searches/{search_found}", "/searches/{search_nothing}", "/searches/{search_failed}",
    "/agents/scout", "/agents/night-shift",
    "/tasks/new", "/tasks/new/from/survey-code-base",
    "/tasks/new/from/analyse-table", "/tasks/new/from/research-question", "/tasks/new/playbook", "/nowhere",
    "/schedules", "/schedules/new", "/schedules/new/from/survey-code-base", "/retention",
    "/tasks/{queued}", "/tasks/{running}", "/tasks/{waiting}", "/tasks/{paused}", "/tasks/{succeeded}",
    "/tasks/{failed}", "/tasks/{cancelled}", "/tasks/{succeeded}/files", "/tasks/{succeeded}/changes",
    "/tasks/{succeeded}/log", "/tasks/{cancelling}", "/tasks/{replayed}", "/dead-letters", "/queues", "/stop",
    "/playground", "/playground/model", "/tasks/new/ask", "/tasks/{thinking}", "/tasks/{answered}", "/models",
    "/models/add/openai", "/models/of/ollama", "/spend", "/spend?of=tokens", "/inbox",
    "/models/{model}", "/inbox/{approval}", "/tasks/{thinking}/budget",
    "/tasks/{family}", "/tasks/{family}/family", "/tasks/{last part}/family", "/tasks/{queued}/family",
)  # fmt: skip


# Both colours and both widths are seen in these two: what is wrong with another pair only is for a long run.
SEEN = ("light", "dark phone")


@pytest.mark.parametrize(
    "look", [*SEEN, *(pytest.param(each, marks=pytest.mark.long) for each in LOOKS if each not in SEEN)]
)
def test_every_page_is_free_of_faults(examples: Place, sign_in: SignIn, look: str) -> None:
    page = sign_in(examples, **LOOKS[look])
    wrong = {}
    for path in PAGES:
        page.goto(examples.url + path.format(**examples.tasks))
        settled(page)
        found = faults(page)
        if page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth"):
            found.append("wider than the screen")
        if found:
            wrong[path] = found
    assert not wrong


def test_the_chosen_theme_is_remembered(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, color_scheme="light")
    page.click("[data-switch-theme]")
    page.goto(f"{examples.url}/tasks")
    assert page.get_attribute("html", "data-theme") == "dark"
