"""A hostile file of a task, opened in a real browser by every address that it has."""

import pytest

from models import scope
from models.database import bare_app, db, writing
from models.states import State
from models.workspace import Workspace as WorkspaceRow
from tests.acceptance.conftest import Place, SignIn
from tests.support import factories
from tools.workspace import Workspace

SCRIPT = (
    "try { localStorage.setItem('owned', 'yes') } catch {}"
    "try { parent.document.title = 'owned' } catch {}"
    "try { top.location = '/agents' } catch {}"
    "try { alert('owned') } catch {}"
)
PAGE = f'<html><body><p id=there>there</p><script>{SCRIPT}</script><img src=x onerror="{SCRIPT}"></body></html>'
PICTURE = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="{SCRIPT}">'
    f"<script>{SCRIPT}</script><rect width='9' height='9'/></svg>"
)
FILES = {"page.html": PAGE, "picture.svg": PICTURE, "picture.png": PAGE, "page.xhtml": PICTURE, "plain.txt": PAGE}


@pytest.fixture(scope="module")
def task_id(filled: tuple[object, Place]) -> str:
    """A task with the files in output/."""
    told = filled[1].told
    with bare_app(told).app_context(), scope.acting("person:local"):
        with writing() as session:
            task = factories.make_task(session, State.SUCCEEDED)
            session.add(WorkspaceRow(task_id=task.id, store="local", folder="hostile"))
            made = str(task.id)
        db.engine.dispose()
    workspace = Workspace.create(told.data_dir / "workspaces", "hostile")
    for name, text in FILES.items():
        workspace.write_bytes(f"output/{name}", text.encode())
    return made


@pytest.mark.parametrize("name", FILES)
def test_file_runs_nothing_on_the_applications_origin(
    examples: Place, sign_in: SignIn, task_id: str, name: str
) -> None:
    page = sign_in(examples)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    base = f"{examples.url}/tasks/{task_id}"
    for address in (f"{base}/view/output/{name}", f"{base}/files?path=output/{name}", f"{base}/raw/output/{name}"):
        page.goto(address, wait_until="load")
        page.wait_for_timeout(150)  # for what a script would do
        assert page.title() != "owned"
        assert page.url.startswith(base)
        if page.evaluate("window.isSecureContext && window.origin !== 'null'"):
            assert page.evaluate("localStorage.getItem('owned')") is None
    assert dialogs == []


@pytest.mark.parametrize("name", FILES)
def test_file_opened_by_its_download_address_is_saved(
    examples: Place, sign_in: SignIn, task_id: str, name: str
) -> None:
    page = sign_in(examples)
    before = page.url
    with page.expect_download() as saved:
        page.evaluate("address => { location = address }", f"/tasks/{task_id}/download/output/{name}")
    assert saved.value.suggested_filename == name
    assert page.url == before
    assert page.evaluate("localStorage.getItem('owned')") is None


def test_page_that_an_agent_wrote_is_still_shown(examples: Place, sign_in: SignIn, task_id: str) -> None:
    """The control: what the tests above open is really there."""
    page = sign_in(examples, f"/tasks/{task_id}/view/output/page.html")
    assert page.frame_locator("iframe").locator("#there").inner_text() == "there"
