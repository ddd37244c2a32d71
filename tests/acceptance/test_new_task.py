"""A person hands a task in: by a template's form or a playbook, with mistakes on the way."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.acceptance.conftest import Place, SignIn, faults


def test_bad_input_comes_back_whole_with_the_problem_at_its_field(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, "/tasks/new/from/survey-code-base")
    page.fill("[name='host.source']", "/etc")
    page.fill("[name='in.top_n']", "500")
    page.fill("[name=title]", "My survey")
    page.get_by_role("button", name="Start the task").click()
    expect(page.get_by_role("alert").first).to_contain_text("The task was not started")
    expect(page.locator(".field", has=page.locator("[name='in.top_n']"))).to_contain_text("It must be 50 or less.")
    assert page.input_value("[name='host.source']") == "/etc"
    assert page.input_value("[name='in.top_n']") == "500"
    assert page.input_value("[name=title]") == "My survey"
    assert faults(page) == []


def test_a_folder_outside_the_allowed_roots_is_refused_with_the_cure(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, "/tasks/new/from/survey-code-base")
    page.fill("[name='host.source']", "/etc")
    page.get_by_role("button", name="Start the task").click()
    expect(page.locator(".source .wrong").last).to_contain_text("OPSCORE_INPUT_ROOTS")


def test_an_upload_survives_a_mistake_elsewhere_in_the_form(examples: Place, sign_in: SignIn, tmp_path: Path) -> None:
    table = tmp_path / "orders.csv"
    table.write_text("a,b\n1,2\n")
    page = sign_in(examples, "/tasks/new/from/analyse-table")
    page.set_input_files("[data-upload-file]", table)
    expect(page.locator("[data-upload-words]")).to_contain_text("uploaded")
    page.locator("[name=agent]").evaluate("field => field.append(new Option('nobody', 'nobody', true, true))")
    page.get_by_role("button", name="Start the task").click()
    expect(page.get_by_role("alert").first).to_contain_text("there is no agent nobody")
    expect(page.locator("[data-upload-words]")).to_contain_text("orders.csv")


def test_an_upload_is_still_there_after_a_way_back(examples: Place, sign_in: SignIn, tmp_path: Path) -> None:
    table = tmp_path / "orders.csv"
    table.write_text("a,b\n1,2\n")
    page = sign_in(examples, "/tasks/new/from/analyse-table")
    page.set_input_files("[data-upload-file]", table)
    expect(page.locator("[data-upload-words]")).to_contain_text("uploaded")
    page.get_by_role("button", name="Start the task").click()
    page.wait_for_url(re.compile(r"/tasks/[0-9a-f-]{36}$"))
    page.go_back()
    expect(page.locator("[data-upload-words]")).to_contain_text("orders.csv")
    expect(page.locator("[data-upload-value]")).to_have_value(re.compile("^upload:"))


def test_a_limit_comes_back_with_its_cure_and_is_kept_with_the_task(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, "/tasks/new/from/survey-code-base")
    page.get_by_text("Limits", exact=True).click()
    assert page.get_attribute("[name='limit.memory']", "placeholder") == "2 GiB"
    page.fill("[name='limit.memory']", "lots")
    page.get_by_role("button", name="Start the task").click()
    expect(page.locator("#wrong-limit-memory")).to_contain_text("write a size such as 512 MiB")
    page.fill("[name='limit.memory']", "512 MiB")
    page.get_by_role("button", name="Start the task").click()
    page.wait_for_url(re.compile(r"/tasks/[0-9a-f-]{36}$"))
    expect(page.locator("#task-head")).to_contain_text("Limit: Memory 512 MiB")


def test_an_agents_limits_are_set_on_its_page(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, "/agents")
    page.get_by_role("link", name="scout", exact=True).click()
    page.fill("[name='limit.wall']", "1 parsec")
    page.get_by_role("button", name="Keep these limits").click()
    expect(page.locator("#wrong-limit-wall")).to_contain_text("write a time such as 90 s")
    assert faults(page) == []
    page.fill("[name='limit.wall']", "90 s")
    page.get_by_role("button", name="Keep these limits").click()
    expect(page.get_by_role("status").filter(has_text="Kept")).to_be_visible()
    expect(page.locator("[name='limit.wall']")).to_have_value("90 s")
    page.fill("[name='limit.wall']", "")
    page.get_by_role("button", name="Keep these limits").click()
    expect(page.locator("[name='limit.wall']")).to_have_value("")


def test_the_file_goes_with_the_form_where_no_script_runs(examples: Place, sign_in: SignIn, tmp_path: Path) -> None:
    table = tmp_path / "plain.csv"
    table.write_text("a,b\n1,2\n")
    signed_in = sign_in(examples).context
    plain = signed_in.browser.new_context(java_script_enabled=False, storage_state=signed_in.storage_state())  # type: ignore[union-attr]
    page = plain.new_page()
    page.goto(f"{examples.url}/tasks/new/from/analyse-table")
    page.set_input_files("[data-upload-file]", table)
    page.get_by_role("button", name="Start the task").click()
    expect(page.locator("h1")).to_have_text("Analyse a table")
    expect(page.locator(".state.badge")).to_have_text("Queued")
    plain.close()


def test_an_empty_upload_is_refused_at_once(examples: Place, sign_in: SignIn, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    page = sign_in(examples, "/tasks/new/from/analyse-table")
    page.set_input_files("[data-upload-file]", tmp_path / "empty.csv")
    expect(page.locator("[data-upload-wrong]")).to_contain_text("it is empty")


def test_why_an_upload_was_refused_still_stands_after_start(examples: Place, sign_in: SignIn, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    page = sign_in(examples, "/tasks/new/from/analyse-table")
    page.fill("[name=title]", "Kept")
    page.set_input_files("[data-upload-file]", tmp_path / "empty.csv")
    expect(page.locator("[data-upload-wrong]")).to_be_visible()
    page.get_by_role("button", name="Start the task").click()
    expect(page.locator(".source > .wrong")).to_contain_text("it is empty")
    expect(page.locator("[name=title]")).to_have_value("Kept")


def test_a_playbooks_mistakes_show_while_typing_with_line_and_path(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, "/tasks/new/playbook")
    text = page.input_value("#playbook")
    page.fill("#playbook", text.replace("terminal.run", "terminal.rum"))
    expect(page.locator("#checked")).to_contain_text("steps[0].tool")
    expect(page.locator("#checked .to-line")).to_have_text(["Line 16"])
    expect(page.locator(".lines .wrong-line")).to_have_text(["16\n"])
    page.fill("#playbook", text)
    expect(page.locator("#checked")).to_contain_text("No mistakes. 2 steps.")
    assert faults(page) == []


def test_a_playbooks_own_complexity_counts_until_the_person_chooses_one(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, "/tasks/new/playbook")
    text = page.input_value("#playbook")
    page.fill("#playbook", text.replace("complexity: 2", "complexity: 7"))
    expect(page.locator("#complexity")).to_have_value("7")
    page.fill("#complexity", "9")
    page.fill("#playbook", text.replace("complexity: 2", "complexity: 5"))
    expect(page.locator("[data-plan-level='5']")).to_be_visible()
    expect(page.locator("#complexity")).to_have_value("9")


def test_a_playbook_is_still_there_after_a_way_back(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, "/tasks/new/playbook")
    page.fill("#playbook", "name: mine\nsteps: [")
    expect(page.locator("#checked-state")).to_contain_text("mistake")
    page.get_by_role("link", name="Agents", exact=True).first.click()
    page.wait_for_url("**/agents")
    page.go_back()
    expect(page.locator("#playbook")).to_have_value("name: mine\nsteps: [")
    expect(page.locator("#checked-state")).to_contain_text("mistake")


def test_the_dry_run_follows_the_form(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, "/tasks/new/from/survey-code-base")
    page.fill("[name='in.top_n']", "7")
    page.locator("[name='in.top_n']").blur()
    expect(page.locator("#plan")).to_contain_text("7")
    expect(page.locator("#plan")).to_contain_text("src/measure.py")


def test_the_slider_says_who_takes_the_task(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, "/tasks/new/from/survey-code-base")
    page.locator("#complexity").fill("9")
    expect(page.locator("#covered")).to_contain_text("the task would wait")


def test_a_form_that_is_sent_twice_makes_one_task(examples: Place, sign_in: SignIn) -> None:
    page = sign_in(examples, "/tasks/new/from/survey-code-base")
    form = page.locator("#new-task").evaluate("form => Object.fromEntries(new FormData(form))")
    sent = {name: value for name, value in form.items() if not name.startswith("file.")}
    ends = [page.request.post(f"{examples.url}/tasks/new/from/survey-code-base", form=sent).url for _ in range(2)]
    assert ends[0] == ends[1]
    assert "/tasks/new" not in ends[0]
