"""The Python environment that agents' code runs in: packages locked by hash, built once, shared read-only.

It is built for its place inside the sandbox and is of no use outside: its `python` is a link to the base
interpreter (interpreter.py), and the folder can be moved, so it is built beside its place and renamed when
complete.  A file inside names what it was built from; anything else is not ready.

    python -m tools.environment FOLDER
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import Misconfigured
from tools import interpreter

INSIDE = "/opt/tools"
SEEDS = "seeds"
"""Folder of what each call finds in its fresh /tmp: caches that are slow to make."""

LOCK = Path(__file__).with_name("environment.txt")
MARKER = "built-from.json"
VARIABLES = {
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": "/tmp/matplotlib",  # noqa: S108
    # Every thread of the numeric libraries takes memory, and hosts may have very many processors.
    "OMP_NUM_THREADS": str(min(4, os.cpu_count() or 1)),
    # Bytecode of the agent's own modules would litter the workspace.
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
}

_MAKE_SEEDS = """
import os, sys
sys.path.insert(0, sys.argv[1])
os.environ.update(MPLCONFIGDIR=sys.argv[2], HOME="/nonexistent", MPLBACKEND="Agg")
import matplotlib.font_manager
"""


def is_ready(path: Path) -> bool:
    """Whether the environment at `path` is complete and made from today's lock file and interpreter."""
    try:
        return json.loads((path / MARKER).read_text(encoding="utf-8")) == _source()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False


def ensure(path: Path) -> Path:
    """The environment at `path`, built first when it is not ready; safe to call from several processes.

    Raises:
        Misconfigured: its packages cannot be installed, says what the installer said; or the folder holds
            something else, which is not ours to take away.
    """
    if is_ready(path):
        # Without the lock: an environment may be shared by those who cannot write beside it.
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(path.with_name(f"{path.name}.lock")):
        if not is_ready(path):
            _build(path)
    return path


def seeds(path: Path) -> list[str]:
    """Paths, relative to the folder of seeds, of the files that belong into a call's /tmp."""
    folder = path / SEEDS
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def modules(path: Path) -> Path:
    """The folder of the environment's packages."""
    return path / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def _source() -> dict[str, str]:
    python = interpreter.base()
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    return {"lock": digest, "python": str(python.executable), "version": sys.version}


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(path: Path) -> None:
    if path.exists() and not (path / MARKER).exists() and any(path.iterdir()):
        raise Misconfigured(
            "cannot make the tool environment: the folder holds something else; name another one",
            folder=str(path),
            setting="OPSCORE_TOOL_ENV",
        )
    for left in path.parent.glob(f"{path.name}.draft-*"):
        shutil.rmtree(left)
    draft = path.with_name(f"{path.name}.draft-{secrets.token_hex(4)}")
    packages = modules(draft)
    packages.mkdir(parents=True)
    _install(packages)
    _link_python(draft)
    _make_seeds(packages, draft / SEEDS)
    _make_readable(draft)
    (draft / MARKER).write_text(json.dumps(_source()), encoding="utf-8")
    _replace(path, draft)


def _install(packages: Path) -> None:
    """Put the locked packages there, compiled: with uv, or pip where only pip knows an index."""
    wanted = ["--require-hashes", "--target", str(packages), "-r", str(LOCK)]
    said = []
    for installer in _installers():
        finished = subprocess.run([*installer, *wanted], capture_output=True, text=True, check=False)
        if finished.returncode == 0:
            return
        said.append(finished.stderr.strip())
    raise Misconfigured("cannot install the packages of the tool environment", said=said)


def _installers() -> Iterator[list[str]]:
    base = str(interpreter.base().executable)
    if importlib.util.find_spec("uv") is not None:
        # Copies: a hard link would share a file with uv's cache, which is its owner's.
        options = ["--quiet", "--link-mode", "copy", "--compile-bytecode", "--python", base]
        yield [sys.executable, "-m", "uv", "pip", "install", *options]
    own = importlib.util.find_spec("pip") is not None
    yield [sys.executable if own else base, "-m", "pip", "install", "--quiet"]


def _link_python(draft: Path) -> None:
    python = interpreter.base().executable
    (draft / "bin").mkdir()
    for name in ("python", "python3"):
        (draft / "bin" / name).symlink_to(python)
    text = f"home = {python.parent}\ninclude-system-site-packages = false\n"
    (draft / "pyvenv.cfg").write_text(text, encoding="utf-8")


def _make_seeds(packages: Path, folder: Path) -> None:
    target = folder / "matplotlib"
    target.mkdir(parents=True)
    python = str(interpreter.base().executable)
    command = [python, "-I", "-c", _MAKE_SEEDS, str(packages), str(target)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise Misconfigured("cannot use the tool environment that was built", said=finished.stderr.strip())


def _make_readable(draft: Path) -> None:
    """For whichever uid the sandbox drops to."""
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700 | (0o055 if path.stat().st_mode & 0o100 else 0o044))


def _replace(path: Path, draft: Path) -> None:
    # Calls that run keep the old folder they have bound until they end; its name goes first.
    old = path.with_name(f"{path.name}.draft-{secrets.token_hex(4)}")
    if path.exists():
        path.rename(old)
    draft.rename(path)
    shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    print(ensure(Path(sys.argv[1]).absolute()))  # noqa: T201
