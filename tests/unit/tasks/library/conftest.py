"""A workspace as a template's scripts find it, and a way to run them as the agents' Python would."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import settings
from tasks.plans import catalog
from tools import environment, interpreter


@dataclass
class Desk:
    """A workspace's folder with src/, output/ and research/, and the packages that its scripts may use."""

    root: Path
    packages: Path

    def put(self, path: str, content: str | bytes) -> Path:
        """A file below src/input/."""
        target = self.root / "src/input" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return target

    def run(self, script: str, *arguments: str, title: str = "") -> subprocess.CompletedProcess[str]:
        """The script's end, as a process of its own in the workspace."""
        return subprocess.run(
            [str(interpreter.base().executable), f"src/{script}", *arguments],
            cwd=self.root,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(self.packages),
                "PYTHONDONTWRITEBYTECODE": "1",
                "MPLCONFIGDIR": str(self.packages.parents[2] / "seeds/matplotlib"),
                "MPLBACKEND": "Agg",
                "OPSCORE_TASK_TITLE": title,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def result(self, script: str, *arguments: str, title: str = "") -> dict:
        """What the script's last line says; it must have worked."""
        ended = self.run(script, *arguments, title=title)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout.splitlines()[-1])

    def refusal(self, script: str, *arguments: str) -> str:
        """The one sentence with which the script refused its input."""
        ended = self.run(script, *arguments)
        assert ended.returncode == 1, ended.stdout
        sentence, *others = ended.stderr.splitlines()
        assert not others
        assert sentence.startswith("error: ")
        return sentence.removeprefix("error: ")

    def read(self, path: str) -> str:
        """A result as text."""
        return (self.root / path).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def packages() -> Path:
    """The site-packages of the tool environment."""
    home = environment.ensure(settings.load().tool_env)
    return home / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


@pytest.fixture(scope="session")
def desk_at(packages: Path) -> Callable[[str, Path], Desk]:
    """Lays out a workspace with the files of a template, by its slug, in an empty folder."""

    def lay_out(slug: str, root: Path) -> Desk:
        for folder in ("src/input", "output", "research"):
            (root / folder).mkdir(parents=True)
        for path, text in catalog.find(slug).plan.files.items():
            (root / path).write_text(text, encoding="utf-8")
        return Desk(root, packages)

    return lay_out
