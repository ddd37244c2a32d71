"""A family in a browser: its tree and channel stay current, and somebody writes to it."""

from playwright.sync_api import expect
from sqlalchemy import update

from models import scope
from models.database import bare_app, db, writing
from models.states import State
from models.task import Task
from tasks.family import channel
from tests.acceptance.conftest import Place, SignIn


def test_family_stays_current_and_a_person_writes_to_it(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, f"/tasks/{examples.tasks['family']}/family")
    family = page.locator("#family")
    expect(family).to_contain_text("2 of 5 tasks ended")
    expect(family).to_contain_text("The prices are net, in euros.")
    key = page.locator("#say-key").input_value()
    page.get_by_label("Write to the channel").fill("Leave out <b>shipping</b>.")
    page.get_by_role("button", name="Write").click()
    expect(family).to_contain_text("Leave out <b>shipping</b>.")
    expect(page.get_by_label("Write to the channel")).to_have_value("")
    expect(page.locator("#say-key")).not_to_have_value(key)
    last = examples.tasks["last part"]
    with bare_app(examples.told).app_context(), scope.acting("agent:scout"):
        with writing() as session:
            session.execute(update(Task).where(Task.id == last).values(state=State.CANCELLED))
        channel.say(last, "The list was taken down.")
        db.engine.dispose()
    expect(family).to_contain_text("The list was taken down.")
    expect(family).to_contain_text("3 of 5 tasks ended")
    page.get_by_role("link", name="As a list, with filters").click()
    expect(page.get_by_label("Of one family")).to_be_checked()
    expect(page.locator("#results .rows > li[data-id]")).to_have_count(5)
