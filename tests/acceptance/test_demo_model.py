"""The demo model as a person starts it: it becomes a provider, works on a task, and is nobody's once it has gone."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import expect

from settings import PROJECT
from tests.acceptance.conftest import PHONE, Place, SignIn, faults
from tests.support.started import Started, environment

ASK = ["ask", "Count the prime numbers", "--model", "demo/demo", "--follow", "--complexity", "1"]
TOOLS = ["--tool", "files.write", "--tool", "python.run", "--promise", "output/report.md"]


def told(started: Started) -> dict[str, str]:
    return environment(OPSCORE_DATA_DIR=str(started.data), OPSCORE_PORT=str(started.port))


def command(started: Started, *words: str) -> "subprocess.CompletedProcess[str]":
    line = [str(PROJECT / "bin" / "opscore"), *words]
    return subprocess.run(line, env=told(started), capture_output=True, text=True, timeout=200, check=False)


@contextmanager
def demo_model(started: Started, folder: Path) -> Iterator[None]:
    """The demo model as a provider; afterwards it has been ended in order."""
    line = [sys.executable, "-m", "worker.command_line", "demo", "model", "--port", "0", "--add", "--json"]
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(line, cwd=PROJECT, env=told(started), stdout=subprocess.PIPE, stderr=errors)
    try:
        assert process.stdout
        while (printed := process.stdout.readline()) and printed != b"}\n":
            pass
        assert process.poll() is None, (folder / "errors").read_text()
        yield
    finally:
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(60) == 0
        process.stdout.close()


def test_demo_model_works_on_a_task_and_is_switched_off_afterwards(started: Started, tmp_path: Path) -> None:
    with demo_model(started, tmp_path):
        asked = command(started, *ASK, *TOOLS)
        assert asked.returncode == 0, asked.stdout + asked.stderr
        report = command(started, "task", "get", "last", "output/report.md", "-o", "-").stdout
        assert "1229 primes below 10000, the largest is 9973" in report
        chain = [each.replace("demo/demo", "demo/demo-broken") for each in ASK]
        fallen = command(started, *chain, "--model", "demo/demo")
        assert fallen.returncode == 0, fallen.stdout + fallen.stderr
        transcript = command(started, "task", "transcript", "last").stdout
        assert "always overloaded" in transcript
    found = json.loads(command(started, "provider", "list", "--json").stdout)["providers"]
    assert [each["is_disabled"] for each in found if each["name"] == "demo"] == [True]
    again = command(started, *ASK)
    assert again.returncode != 0
    assert "bin/opscore provider add" in again.stderr or "model" in again.stderr


def test_model_is_tried_on_the_playground(started: Started, opscore: Place, sign_in: SignIn, tmp_path: Path) -> None:
    with demo_model(started, tmp_path):
        page = sign_in(opscore, "/playground/model", viewport=PHONE)
        page.get_by_label("Model", exact=True).select_option("demo/demo")
        page.get_by_label("Message", exact=True).fill("What colour is the sky?")
        page.get_by_role("button", name="Ask it").click()
        result = page.get_by_role("region", name="Result")
        expect(result).to_have_attribute("data-state", "succeeded")
        expect(result.get_by_role("region", name="Answer")).to_contain_text("I am a script and no model")
        expect(result).to_contain_text("Cost")
        assert faults(page) == []
        assert not page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth")
