"""Each command and each link of README.md and docs/ works.

A block of commands is a fenced block without a language.  Commands run in the order of their
page, against an OpsCore that really runs; a new kind of command must be told here how it is run.
"""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from settings import PROJECT
from tests.support.started import Started, environment

PAGES = sorted([PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SAVED_AS = re.compile(r"Save this as `([^`]+)`")
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")
# Proven by tests of their own: tests/integration/test_first_set_up.py, test_up_*.py, test_procfile.py and
# tests/acceptance/test_chaos.py; of the page on control, whose commands need tasks in certain states, all:
# tests/integration/test_command_line_control.py; of the page on models, whose commands need their servers, all:
# tests/integration/test_providers_asked.py.
PROVEN_ELSEWHERE = ("git clone", "bin/up", "bin/down", ".venv/bin/honcho", "bin/test", "bin/opscore chaos")
PAGES_PROVEN_ELSEWHERE = (
    "control-tasks.md",
    "models.md",
)
# These stay; they are started, seen to live (they say so), and stopped.  A port that is taken is no mistake of a page.
STAYING = {".venv/bin/celery -A worker worker": "ready.", "bin/opscore demo model": "until Ctrl-C."}
MORE = {"bin/opscore demo model": ["--port", "0"]}


def commands(page: Path) -> list[str]:
    """The commands of the page, in order, without their remarks."""
    lines = [line for language, text in BLOCK.findall(page.read_text()) if not language for line in text.splitlines()]
    plain = (re.sub(r"\s{2,}#.*$", "", line).strip() for line in lines)
    return [line for line in plain if re.match(r"(bin/|\.venv/|git |make )", line)]


def with_commands() -> list[Path]:
    """The pages that hold commands to be run here."""
    here = [page for page in PAGES if page.name not in PAGES_PROVEN_ELSEWHERE]
    return [page for page in here if any(not each.startswith(PROVEN_ELSEWHERE) for each in commands(page))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_to_files(page: Path) -> None:
    broken = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]
    assert broken == []


@pytest.mark.parametrize("page", with_commands(), ids=lambda page: str(page.relative_to(PROJECT)))
def test_commands_do_what_the_page_says(page: Path, started: Started, tmp_path: Path) -> None:
    workplace = _checkout(tmp_path)
    for name, text in zip(SAVED_AS.findall(page.read_text()), _playbooks(page), strict=False):
        (workplace / name).write_text(text)
    told = environment(OPSCORE_DATA_DIR=str(started.data), OPSCORE_PORT=str(started.port))
    for command in commands(page):
        if command.startswith(PROVEN_ELSEWHERE):
            continue
        if stays := [each for each in STAYING if command.startswith(each)]:
            _stays([*command.split(), *MORE.get(stays[0], [])], STAYING[stays[0]], workplace, told)
            continue
        filled = command.replace("TASK", _last_task(workplace, told)) if "TASK" in command else command
        filled = filled.replace(" ID ", f" {_asked(workplace, told)} ") if " ID " in command else filled
        done = _run(filled, workplace, told)
        # The tutorial breaks its playbook on purpose, and says so.
        expected = 1 if 'text=" "' in command else 0
        assert done.returncode == expected, f"{command}\n{done.stdout}{done.stderr}"


def _checkout(folder: Path) -> Path:
    """A folder with the project's files by name, in which a reader's own files may be written."""
    for name in os.listdir(PROJECT):
        if name not in (".git", "var"):
            (folder / name).symlink_to(PROJECT / name)
    return folder


def _playbooks(page: Path) -> list[str]:
    return [text for language, text in BLOCK.findall(page.read_text()) if language == "yaml"]


def _run(command: str, workplace: Path, told: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, shell=True, cwd=workplace, env=told, capture_output=True, text=True, check=False, timeout=120
    )


def _last_task(workplace: Path, told: dict[str, str]) -> str:
    listed = _run("bin/opscore --json task list", workplace, told).stdout
    found = re.search(r'"id": ?"([0-9a-f-]{36})"', listed)
    return found[1] if found else "TASK"


def _asked(workplace: Path, told: dict[str, str]) -> str:
    """Id of the approval that a task asks for, once one does."""
    deadline = time.monotonic() + 60
    while not (found := json.loads(_run("bin/opscore --json inbox", workplace, told).stdout)["asked"]):
        assert time.monotonic() < deadline, "nothing is asked"
        time.sleep(0.2)
    return str(found[0]["approval"]["id"])


def _stays(command: list[str], lives: str, workplace: Path, told: dict[str, str]) -> None:
    log = workplace / "staying.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=workplace, env=told, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while lives not in log.read_text():
            assert process.poll() is None and time.monotonic() < deadline, f"{command}\n{log.read_text()}"
            time.sleep(0.2)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0, log.read_text()
