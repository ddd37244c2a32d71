"""A fresh clone sets itself up: in an empty home, once, whoever asks, and again after an interruption."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from settings import PROJECT
from tests.support.started import environment, wait_until


@pytest.fixture(scope="module")
def lock_of_one() -> str:
    """A locked requirements file of one small package and uv: these tests are about the way, not the load."""
    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    wanted = [block for block in _blocks(lines) if block.startswith(("uv==", "click==", "packaging=="))]
    assert len(wanted) >= 2
    return "\n".join(wanted) + "\n"


@pytest.fixture
def checkout(tmp_path: Path, lock_of_one: str) -> Path:
    """A folder with nothing but the scripts, the lock and a module that says which Python runs it."""
    root = tmp_path / "checkout"
    shutil.copytree(PROJECT / "bin", root / "bin")
    (root / "requirements.txt").write_text(lock_of_one, encoding="utf-8")
    (root / "shown.py").write_text(
        "import json, sys, click\nprint(json.dumps([sys.prefix, sys.argv[1:]]))\n", encoding="utf-8"
    )
    return root


def run(checkout: Path, *arguments: str, **told: str) -> "subprocess.CompletedProcess[str]":
    home = checkout.with_name("home")
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [checkout / "bin" / "_run", "shown", *arguments],
        env=environment(HOME=str(home), **told),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_the_first_run_makes_the_environment_and_the_second_changes_nothing(checkout: Path) -> None:
    first = run(checkout, "--option", "a b")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout) == [str(checkout / ".venv"), ["--option", "a b"]]
    assert "Setting up Python packages" in first.stderr
    stamp = (checkout / ".venv" / "opscore-stamp.json").stat().st_mtime_ns

    second = run(checkout)

    assert second.returncode == 0
    assert second.stderr == ""
    assert (checkout / ".venv" / "opscore-stamp.json").stat().st_mtime_ns == stamp


def test_an_interrupted_set_up_is_made_anew(checkout: Path) -> None:
    marker = checkout / ".venv" / "opscore-unfinished"
    first = subprocess.Popen(
        [checkout / "bin" / "_run", "shown"], env=environment(), stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_until(marker.exists, "the set-up has begun")
    time.sleep(0.5)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert marker.exists()
    (checkout / ".venv" / "half-written").touch()

    again = run(checkout)

    assert again.returncode == 0, again.stderr
    assert "making it anew" in again.stderr
    assert not marker.exists()
    assert not (checkout / ".venv" / "half-written").exists()


def test_two_scripts_at_once_set_up_once(checkout: Path) -> None:
    both = [
        subprocess.Popen(
            [checkout / "bin" / "_run", "shown"],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    told = [process.communicate(timeout=240) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert sum("Python packages are ready" in errors for _, errors in told) == 1


def test_a_checkout_that_was_moved_gets_an_environment_of_its_own(checkout: Path) -> None:
    assert run(checkout).returncode == 0
    moved = checkout.rename(checkout.with_name("moved"))

    again = run(moved)

    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)[0] == str(moved / ".venv")
    assert "making it anew" in again.stderr


def test_a_package_that_was_tampered_with_is_refused(checkout: Path) -> None:
    lock = checkout / "requirements.txt"
    lock.write_text(lock.read_text(encoding="utf-8").replace("sha256:", "sha256:0000"), encoding="utf-8")
    refused = run(checkout)
    assert refused.returncode == 2
    assert "Cannot install the packages of requirements.txt" in refused.stderr


def test_without_any_python_it_says_what_to_install(checkout: Path, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("dirname", "sh"):
        (programs / name).symlink_to(shutil.which(name) or "")
    refused = run(checkout, PATH=str(programs))
    assert refused.returncode == 2
    assert refused.stderr.startswith("OpsCore needs Python 3.11 or newer, and found none on the PATH.")


def _blocks(lock: str) -> list[str]:
    """The entries of a lock file: a pin with its hashes."""
    blocks: list[str] = []
    for line in lock.splitlines():
        if line.startswith((" ", "#")):
            if line.strip().startswith("--hash") and blocks:
                blocks[-1] += "\n" + line
        else:
            blocks.append(line)
    return [block.rstrip("\\ ") for block in blocks]


def test_link_to_another_checkouts_environment_is_replaced_and_what_it_leads_to_stays(
    checkout: Path, tmp_path: Path
) -> None:
    others = tmp_path / "others"
    (others / "bin").mkdir(parents=True)
    (others / "bin" / "kept").write_text("theirs", encoding="utf-8")
    (checkout / ".venv").symlink_to(others)
    ended = run(checkout)
    assert ended.returncode == 0, ended.stderr
    assert not (checkout / ".venv").is_symlink()
    assert (others / "bin" / "kept").read_text(encoding="utf-8") == "theirs"
