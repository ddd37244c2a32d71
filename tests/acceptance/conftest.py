"""A person with a browser: in front of pages that are filled with examples, or of an OpsCore that really runs.

`examples` is quick and holds still, for looks and forms; `opscore` is bin/up with agents, for a person's paths.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from sqlalchemy import select

import settings
from models import scope
from models.approval import Approval
from models.database import bare_app, db, writing
from models.provider import LanguageModel
from models.sign_in import new_link
from tests.support import conversations, factories
from tests.support.started import Started
from tests.support.web import LiveWeb, live_web

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on this machine: the pages were not tested in a browser")
    # A busy machine takes long to show what it does show in the end.
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Place:
    """A running web application: where it is, how to sign in, which examples it has (tasks by state or plight)."""

    url: str
    told: settings.Settings
    tasks: dict[str, str]

    def link(self) -> str:
        """The address of a new sign-in link."""
        with bare_app(self.told).app_context(), scope.acting("person:local"):
            with writing() as session:
                secret = new_link(session)
            db.engine.dispose()
        return f"{self.url}/sign-in/{secret}"


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[tuple[LiveWeb, Place]]:
    """gunicorn over a database with a task in every state and plight."""
    folder = tmp_path_factory.mktemp("filled")
    shutil.copyfile(migrated_sqlite, folder / "opscore.db")
    told = settings.Settings(data_dir=folder)
    with bare_app(told).app_context(), scope.acting("person:local"):
        with writing() as session:
            made = factories.every_state(session) | factories.every_plight(session) | factories.some_family(session)
            made |= conversations.every_thought(session)
            tasks = {name: task.id for name, task in made.items()}
            factories.some_services(session)
            searches = factories.some_searches(session, made["succeeded"])
            tasks |= {f"search_{name}": search.id for name, search in searches.items()}
            asked = select(Approval.id).where(Approval.task_id == made["approving"].id)
            tasks["approval"] = session.scalars(asked).one()
            tasks["model"] = session.scalars(select(LanguageModel.id).where(LanguageModel.name == "llama3.2")).one()
        db.engine.dispose()
    with live_web(told, folder / "web.log") as web:
        yield web, Place(web.url, told, tasks)


@pytest.fixture
def examples(filled: tuple[LiveWeb, Place]) -> Place:
    """The pages with examples."""
    return filled[1]


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """An OpsCore with two agents, without the sample."""
    started = Started(tmp_path_factory.mktemp("opscore") / "data")
    started.start("--no-sample", OPSCORE_DRILL_LEDGER=str(started.data.with_name("ledger")))
    yield started
    started.clean()


@pytest.fixture
def opscore(started: Started) -> Place:
    """The OpsCore that really runs."""
    return Place(f"http://127.0.0.1:{started.port}", started.told, {})


SignIn = Callable[..., Page]


@pytest.fixture
def sign_in(browser: Browser) -> Iterator[SignIn]:
    """Open a page of a place as somebody who signed in; what the browser complains of fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # A browser also reports each answer from 400 on, and a stream that ends with its server.
        is_answer = message.text.startswith("Failed to load resource") or "Failed to fetch" in message.text
        # What an agent's own page is refused is as it should be.
        is_ours = "/raw/" not in message.location.get("url", "")
        if message.type == "error" and is_ours and not is_answer:
            complaints.append(message.text)

    def open_page(place: Place, path: str = "/", **looks: object) -> Page:
        context = browser.new_context(**looks)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(place.link())
        page.wait_for_url(f"{place.url}/")
        if path != "/":
            page.goto(f"{place.url}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


SETTLED = """async () => {
    const isFrame = () => new Promise(requestAnimationFrame);
    await document.fonts.ready;
    await isFrame().then(isFrame);
    const ending = document.getAnimations().filter(each => each.effect.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map(each => each.finished));
}"""


def settled(page: Page) -> None:
    """Wait until the page has asked for what it shows, and nothing on it moves that comes to an end."""
    page.evaluate(SETTLED)
    expect(page.locator(".htmx-request")).to_have_count(0)
    page.evaluate(SETTLED)


def faults(page: Page) -> list[str]:
    """What axe finds on the page as it is now."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {[(node['target'], node['failureSummary']) for node in each['nodes']]}" for each in found]
