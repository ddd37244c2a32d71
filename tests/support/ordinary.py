"""An ordinary user, for tests that run as root: a copy of the project of that user's, and commands in it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools import identity

PROJECT = Path(__file__).resolve().parents[2]
# The kernel counts the processes of a uid: suites that may run beside each other have one each.
UID, UID_OF_ATTACKS = identity.UIDS[-1], identity.UIDS[-2]
_NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".toolenv*", "var", "__pycache__", ".*_cache")


@dataclass(frozen=True)
class OrdinaryUser:
    """`scratch` is the user's folder; the project's copy is in it."""

    scratch: Path
    tool_env: Path
    uid: int = UID

    @classmethod
    def of(cls, scratch: Path, tool_env: Path, uid: int = UID) -> "OrdinaryUser":
        """A user with a copy of the project in a new folder."""
        shutil.copytree(PROJECT, scratch / "project", ignore=_NOT_COPIED, copy_function=shutil.copyfile)
        (scratch / "home").mkdir()
        for path in (scratch, *scratch.rglob("*")):
            os.chown(path, uid, uid)
            path.chmod(0o755 if path.is_dir() else 0o644)
        return cls(scratch, tool_env, uid)

    def python(self, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run Python on words in the copy of the project, with the variables and nothing of our own."""
        program = Path(__file__).with_name("as_ordinary.py")
        needed = [sys.prefix, sys.base_prefix, str(self.tool_env), str(self.scratch)]
        return subprocess.run(
            [sys.executable, "-I", "-S", str(program), str(self.uid), *needed, "--", sys.executable, *words],
            cwd=self.scratch / "project",
            env={
                "HOME": f"{self.scratch}/home",
                "PATH": os.environ["PATH"],
                "OPSCORE_TOOL_ENV": str(self.tool_env),
                "PYTHONDONTWRITEBYTECODE": "1",
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )
