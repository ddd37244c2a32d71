"""What only tasks for models need is large, and nobody else imports it: web, worker, command line, reconciler."""

import subprocess
import sys

from settings import PROJECT

LARGE = ("pydantic_ai", "openai", "httpx2")
EVERYBODY = (
    "worker.app",
    "worker.reconciler",
    "webapp",
    "worker.command_line.program",
    "tasks.runs.execution",
    "tasks.orders.submission",
)
LOOK = f"""
import importlib, sys
for module in {EVERYBODY!r}:
    importlib.import_module(module)
    print(module, [name for name in {LARGE!r} if name in sys.modules])
"""


def test_nobody_imports_what_only_models_need() -> None:
    found = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=PROJECT, capture_output=True, text=True, timeout=120, check=True
    )
    assert found.stdout.splitlines() == [f"{module} []" for module in EVERYBODY]
