"""What only tasks for models need is large, and nobody else imports it: web, worker, command line, reconciler."""

import subprocess
import sys

import pytest

from settings import PROJECT

LARGE = ("pydantic_ai", "openai", "httpx2")
EVERYBODY = (
    "worker.app",
    "worker.reconciler",
    "webapp",
    "worker.command_line.program",
    "tasks.execution",
    "tasks.submission",
)


@pytest.mark.parametrize("module", EVERYBODY)
def test_importing_it_imports_nothing_that_only_models_need(module: str) -> None:
    look = f"import sys, {module}; print([name for name in {LARGE!r} if name in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", look], cwd=PROJECT, capture_output=True, text=True, timeout=120, check=True
    )
    assert found.stdout.strip() == "[]"
