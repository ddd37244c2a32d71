"""What a program prints, or calls its files and tasks, never steers a person's terminal or page.

Each attack is a text that a real terminal obeys; it goes the whole way through command line, page, live stream and
log, and the same text through a bare `print` shows that there was something to stop.
"""

import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

import settings
from models import scope
from models.database import bare_app, db, writing
from models.states import State
from models.step import StepState
from tasks import logs
from tests.support.factories import make_agent, make_event, make_step, make_task, make_worker
from tests.support.web import LiveWeb, live_web
from tools.terminal_text import CONTROL
from webapp import create_app, gate

ATTACKS = {
    "colour": "\x1b[31mred",
    "cursor up and erase": "\x1b[3A\x1b[2K\x1b[1GYou are root",
    "screen cleared": "\x1b[2J\x1b[H",
    "title changed": "\x1b]0;pwned\x07",
    "title asked back": "\x1b[21t",
    "link that lies": "\x1b]8;;https://evil.example\x1b\\bank.example\x1b]8;;\x1b\\",
    "clipboard written": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "device asked": "\x1b[c\x1b[6n\x1bZ",
    "keys redefined": '\x1b["rm -rf ~\r";13p',
    "DCS": "\x1bP$q\x1b\\",
    "APC that never ends": "\x1b_secret",
    "C1 introducer": "\x9b2J\x9d0;pwned\x9c",
    "character set": "\x1b(0\x0e",
    "line overwritten": "rm -rf ~\rls      ",
    "backspaces": "evil\b\b\b\bgood",
    "bell": "\x07",
    "NUL": "a\x00b",
    "bidi override": "user\u202egnp.exe",
    "bidi isolate": "\u2066a\u2069",
    "arabic letter mark": "\u061ca",
    "line separator": "a\u2028b",
    "invisible tags": "a\U000e0041\U000e0042b",
    "delete": "a\x7fb",
}
ALL = " ".join(ATTACKS.values())
EVERY = pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
# Rich's own colours and the cursor moves of its live table: what only our own code sends.
OURS = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[0-9]*A|\x1b\[2K|\r\n|\r(?=\x1b\[2K)")


def steers(text: str) -> bool:
    return bool(CONTROL.search(text)) or "\r" in text


@EVERY
def test_control_a_bare_print_passes_it_on(attack: str) -> None:
    done = subprocess.run([sys.executable, "-c", f"print({attack!r})"], capture_output=True, check=True)
    assert steers(done.stdout.decode())


@pytest.fixture(scope="module")
def hostile(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[settings.Settings, dict[str, str]]:
    """An installation with a failed task for each attack, and one for all of them; everything is called after it."""
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copyfile(migrated_sqlite, folder / "opscore.db")
    told = settings.Settings(data_dir=folder)
    with bare_app(told).app_context(), scope.acting("person:alice"):
        with writing() as session:
            tasks = {each: make_hostile_task(session, each.replace("\0", "")) for each in (*ATTACKS.values(), ALL)}
        db.engine.dispose()
    return told, tasks


def make_hostile_task(session: Session, attack: str) -> str:
    """A failed task of a hostile program, from a hostile person, by a hostile agent; returns its id."""
    agent = make_agent(session, f"scout{attack}")
    make_worker(session, agent)
    told: dict[str, Any] = {"title": f"Title {attack}", "description": attack, "agent": agent.name}
    task = make_task(session, State.FAILED, done=1, error_message=f"cannot: {attack}", **told)
    step: dict[str, Any] = {"title": f"Step {attack}", "stdout": attack, "stderr": attack, "error_message": attack}
    step |= {"arguments": {"command": ["echo", attack]}, "output": {attack: attack}}
    step |= {"changes": {"added": [f"output/{attack}.csv"], "changed": [], "removed": []}}
    make_step(session, task, 3, StepState.FAILED, **step)
    for kind in ("network.allowed", "network.refused", "made.up"):
        make_event(session, task, kind, task.submitted_at, host=attack, port=443, reason=attack)
    make_event(session, task, "task.failed", task.submitted_at, message=attack)
    return task.id


@pytest.fixture(scope="module")
def page(hostile: tuple[settings.Settings, dict[str, str]]) -> Iterator[Callable[[str], str]]:
    """The text of a page for somebody who signed in."""
    app = create_app(hostile[0])
    client = app.test_client()
    with client.session_transaction() as session:
        session["person"] = gate.PERSON

    def get(path: str) -> str:
        answer = client.get(path)
        assert answer.status_code == 200, path
        return answer.text

    yield get
    with app.app_context():
        db.engine.dispose()


@EVERY
def test_pages_of_a_task_show_it_as_plain_text(
    attack: str, hostile: tuple[settings.Settings, dict[str, str]], page: Callable[[str], str]
) -> None:
    task = hostile[1][attack]
    for path in (f"/tasks/{task}", f"/tasks/{task}/log", f"/tasks/{task}/changes", f"/tasks/{task}/notice"):
        assert not CONTROL.search(page(path)), path
    [step] = re.findall(r'data-step="([^"]+)" data-state="failed"', page(f"/tasks/{task}"))
    assert not CONTROL.search(page(f"/tasks/{task}/steps/{step}/output"))


@pytest.mark.parametrize("part", ["", "/steps", "/events"])
def test_api_escapes_all_of_it_and_keeps_its_values(
    part: str, hostile: tuple[settings.Settings, dict[str, str]], page: Callable[[str], str]
) -> None:
    for attack in ATTACKS.values():
        answer = page(f"/v1/tasks/{hostile[1][attack]}{part}")
        assert not steers(answer)
        assert any(attack.replace("\0", "") in text for text in _texts(json.loads(answer)))


@pytest.mark.parametrize("path", ["/", "/tasks", "/agents"])
def test_lists_show_all_of_it_as_plain_text(path: str, page: Callable[[str], str]) -> None:
    shown = page(path)
    assert "Title" in shown or "scout" in shown
    assert not CONTROL.search(shown)


@pytest.fixture(scope="module")
def web(hostile: tuple[settings.Settings, dict[str, str]]) -> Iterator[LiveWeb]:
    with live_web(hostile[0], hostile[0].data_dir / "web.log") as running:
        yield running


@pytest.mark.parametrize("command", ["task list --limit 100", "task show", "task follow", "agent list"])
def test_command_line_prints_all_of_it_as_plain_text(
    command: str, hostile: tuple[settings.Settings, dict[str, str]], web: LiveWeb
) -> None:
    words = [*command.split(), *([hostile[1][ALL]] if command in ("task show", "task follow") else [])]
    where = ["--url", web.url, "--data", str(hostile[0].data_dir)]
    printed = in_terminal(*words, *where)
    assert "Title" in printed or "scout" in printed
    assert not steers(OURS.sub("", printed))
    raw = in_terminal(*words, *where, "--json").replace("\r\n", "\n")
    assert "\\u001b]52;c;" in raw, "programs get the text as it is, escaped"
    assert not steers(raw)


@EVERY
def test_logs_hold_it_as_plain_text(attack: str, told: settings.Settings) -> None:
    stream = io.StringIO()
    logs.configure(told, "test", stream)
    logs.logger("test").warning(f"event {attack}", path=f"output/{attack}", many=[attack])
    assert not steers(stream.getvalue())
    assert "event" in stream.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of its own: that of the test holds the installation's."""
    made = tmp_path / "folder"
    made.mkdir()
    return made


def test_sandbox_run_hands_bytes_to_a_pipe_and_plain_text_to_a_terminal(told: settings.Settings, folder: Path) -> None:
    attack = ATTACKS["clipboard written"] + ATTACKS["C1 introducer"]
    command = ["sandbox", "run", "--workspace", str(folder), "--", "printf", "%s", f"x{attack}y"]
    piped = subprocess.run([sys.executable, "-m", "worker.command_line", *command], capture_output=True, check=True)
    assert piped.stdout.decode() == f"x{attack}y"
    assert in_terminal(*command) == "xy"


def test_program_in_the_sandbox_has_no_terminal(told: settings.Settings, folder: Path) -> None:
    look = "for n in 0 1 2; do test -t $n && echo tty $n; done; (echo x > /dev/tty) 2>/dev/null && echo tty; echo done"
    assert in_terminal("sandbox", "run", "--workspace", str(folder), "--", "sh", "-c", look).split() == ["done"]


def in_terminal(*arguments: str) -> str:
    """Run bin/opscore on a terminal of its own; returns what that terminal was sent."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "worker.command_line", *arguments],
        stdin=side, stdout=side, stderr=side, cwd=settings.PROJECT, env={**os.environ, "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(side)
    with os.fdopen(main, "rb", buffering=0) as terminal:
        sent = b"".join(_chunks(terminal))
    process.wait(timeout=60)
    return sent.decode()


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            yield from (text for item in value for text in _texts(item))
        case dict():
            yield from (text for item in value.items() for text in _texts(list(item)))


def _chunks(terminal: io.RawIOBase) -> Any:
    while True:
        try:
            chunk = terminal.read(65536)
        except OSError:  # the other side is closed
            return
        if not chunk:
            return
        yield chunk
