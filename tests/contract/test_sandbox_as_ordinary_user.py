"""The sandbox's suites once more, as an ordinary user: root and ordinary users reach bubblewrap by two ways.

As root this runs them in a child that has given up being root.  As an ordinary user the suites themselves went
that way, and it is root's way that did not run.  The attacks of tests/security/test_attacks.py are tried as an
ordinary user there.
"""

import os
import re
from pathlib import Path

import pytest

from tests.support.ordinary import OrdinaryUser

SUITES = (
    "tests/contract/test_sandbox.py",
    "tests/contract/test_first_tools.py",
    "tests/contract/test_packages.py::test_package_is_there_for_code_and_its_script_for_programs",
    "tests/contract/test_packages.py::test_code_cannot_change_what_is_installed",
    "tests/contract/test_packages.py::test_index_over_https_is_reached_by_the_proxy_alone",
    "tests/security",
)
# All but the first ask the trusted side alone: who runs it makes no difference.
NOT_AGAIN = ("test_attacks.py", "test_swap_races.py", "test_terminal_output.py", "test_prompt_injection.py")


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: root's way into the sandbox did not run")
def test_suites_pass_as_an_ordinary_user(request: pytest.FixtureRequest, tmp_path: Path, tool_env: Path) -> None:
    user = OrdinaryUser.of(tmp_path / "scratch", tool_env)
    options = ["-q", "-rs", "-p", "no:cacheprovider", f"--basetemp={user.scratch}/tmp"]
    options += [f"--ignore=tests/security/{name}" for name in NOT_AGAIN]
    # Tier 3 asks for no privilege, so that root and others have one way into it: twice in a long run only.
    options += ["-k", "not tier3"] if request.config.option.markexpr == "not long" else []
    finished = user.python("-m", "pytest", "-m", request.config.option.markexpr, *options, *SUITES)
    print(finished.stdout, finished.stderr)
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]
    passed = re.search(r"(\d+) passed", finished.stdout)
    assert passed and int(passed[1]) > 100
