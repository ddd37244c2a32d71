"""Set up what the tests need on this machine, then run them: `bin/test` calls this.

bin/test                     everything, with coverage
bin/test tests/unit -k name  what pytest's arguments choose, without the demand on coverage
bin/test --long              the long ones too
"""

import os
import sys

import settings
from models.errors import Misconfigured
from tools import environment
from worker.installation import packages

LEAST_COVERAGE = 85
# The tests make their own; what the caller's shell holds must not reach them.
FOREIGN = ("DATABASE_URL", "REDIS_URL", "PORT")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def main() -> None:
    """Prepare, then become pytest."""
    for name in [name for name in os.environ if name.startswith("OPSCORE_") or name in FOREIGN]:
        del os.environ[name]
    os.chdir(settings.PROJECT)
    print("Preparing the tests: agents' Python, sandbox, browser ...", flush=True)
    lacking = [problem for problem in (_tool_environment(), _sandbox(), _browser()) if problem]
    for problem in lacking:
        print(f"!! {problem}", flush=True)
    arguments = [sys.executable, "-m", "pytest", *_arguments(sys.argv[1:])]
    os.execv(sys.executable, arguments)


def _arguments(given: list[str]) -> list[str]:
    chosen = [each for each in given if each != "--long"]
    which = [] if "--long" in given else ["-m", "not long"]
    if chosen:
        return [*which, *chosen]
    # One file's tests stay together: they share a started installation.  In the order of their names the longest
    # files come first, and the many short ones fill up the end.
    side_by_side = ["--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder"]
    covered = ["--cov", "--cov-report=term", f"--cov-fail-under={LEAST_COVERAGE}"]
    return [*which, *side_by_side, *covered, "-rs"]


def _tool_environment() -> str | None:
    try:
        environment.ensure(settings.load().tool_env)
    except Misconfigured as error:
        return f"no agents' Python, so the tests of real tasks will fail: {error}"
    return None


def _sandbox() -> str | None:
    if packages.is_there("bwrap") or packages.install("bwrap") is None:
        return None
    return f"no bubblewrap, so the tests of the sandbox do not run. Install it: {packages.command_for('bwrap')}"


def _browser() -> str | None:
    if any(packages.is_there(each) for each in BROWSERS) or packages.install("chromium") is None:
        return None
    return f"no browser, so the tests in a browser do not run. Install one: {packages.command_for('chromium')}"


if __name__ == "__main__":
    main()
