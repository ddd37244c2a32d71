"""The sandbox's suites once more, as an ordinary user: root and ordinary users reach bubblewrap by two ways.

As root this runs them in a child that has given up being root.  As an ordinary user the suites themselves went
that way, and it is root's way that did not run.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import identity

PROJECT = Path(__file__).resolve().parents[2]
SUITES = ("tests/contract/test_sandbox.py", "tests/contract/test_first_tools.py", "tests/security")
UID = identity.UIDS[-1]
_NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".toolenv*", "var", "__pycache__", ".*_cache")


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: root's way into the sandbox did not run")
def test_suites_pass_as_an_ordinary_user(tmp_path: Path, tool_env: Path) -> None:
    scratch = tmp_path / "scratch"
    shutil.copytree(PROJECT, scratch / "project", ignore=_NOT_COPIED, copy_function=shutil.copyfile)
    (scratch / "home").mkdir()
    for path in (scratch, *scratch.rglob("*")):
        os.chown(path, UID, UID)
        path.chmod(0o755 if path.is_dir() else 0o644)
    finished = _as_ordinary_user(scratch, tool_env)
    print(finished.stdout, finished.stderr)
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]
    passed = re.search(r"(\d+) passed", finished.stdout)
    assert passed and int(passed[1]) > 100


def _as_ordinary_user(scratch: Path, tool_env: Path) -> "subprocess.CompletedProcess[str]":
    program = Path(__file__).parents[1] / "support" / "as_ordinary.py"
    needed = [sys.prefix, sys.base_prefix, str(tool_env), str(scratch)]
    pytest_words = ["-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", f"--basetemp={scratch}/tmp", *SUITES]
    return subprocess.run(
        [sys.executable, "-I", "-S", str(program), str(UID), *needed, "--", sys.executable, *pytest_words],
        cwd=scratch / "project",
        env={
            "HOME": f"{scratch}/home",
            "PATH": os.environ["PATH"],
            "OPSCORE_TOOL_ENV": str(tool_env),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
