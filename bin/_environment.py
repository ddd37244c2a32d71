"""Make the Python environment of this checkout, then run a module of OpsCore in it.

    python3 bin/_environment.py [--dev] MODULE [ARGUMENT…]

Standard library only: nothing is installed yet when this runs.  A stamp in .venv says which locked
requirements it holds, so a later start does nothing here.  An interrupted set-up leaves a marker and is
made anew.  What MODULE does stands in its own file, e.g. worker/installation/up.py.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "opscore-stamp.json"
UNFINISHED = VENV / "opscore-unfinished"
# Not sys.executable: that may be this very venv, activated, which may have to go.
BASE_PYTHON = os.path.realpath(sys.executable)
PIP = [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]
CORE = ROOT / "requirements.txt"
DEVELOPMENT = ROOT / "requirements-dev.txt"


class SetupFailed(Exception):
    """The environment cannot be made; the message is written for the person at the terminal."""


def main() -> None:
    """Make what is missing, then become the module."""
    arguments = sys.argv[1:]
    needed = [CORE, DEVELOPMENT] if arguments[:1] == ["--dev"] else [CORE]
    module = arguments[len(needed) - 1 :]
    try:
        if not _is_current(needed):
            with _alone():
                _set_up([each for each in needed if not _is_current([each])])
    except SetupFailed as failure:
        sys.exit(_tell(f"{failure}", code=2))
    except KeyboardInterrupt:
        sys.exit(_tell("Stopped. The next start goes on from here.", code=130))
    if Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(PYTHON, [str(PYTHON), __file__, *arguments])  # noqa: S606
    # The folder of this script, or the caller's, must not hide the project's own modules.
    sys.path[0] = str(ROOT)
    sys.argv = module
    runpy.run_module(module[0], run_name="__main__", alter_sys=True)


def _tell(text: str, code: int) -> int:
    print(text, file=sys.stderr, flush=True)  # noqa: T201
    return code


def _digest(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def _stamps() -> dict[str, str]:
    try:
        stamps: dict[str, str] = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamps


def _is_current(needed: list[Path]) -> bool:
    stamps = _stamps()
    locked = {each.name: _digest(each) for each in needed} | {"place": str(VENV)}
    return locked.items() <= stamps.items() and os.access(PYTHON, os.X_OK)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock of this checkout's set-up; the kernel frees it when this process ends."""
    with CORE.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _tell("Waiting for another set-up of this checkout to end ...", code=0)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _set_up(missing: list[Path]) -> None:
    if not missing:
        return  # another script was first
    started = time.monotonic()
    _tell("Setting up Python packages (only the first time, or after an update) ...", code=0)
    _clear_unusable()
    _make_venv()
    UNFINISHED.touch()
    for requirements in missing:
        _install(requirements)
    stamps = _stamps() | {each.name: _digest(each) for each in missing} | {"place": str(VENV)}
    draft = STAMP.with_suffix(".draft")
    draft.write_text(json.dumps(stamps), encoding="utf-8")
    draft.replace(STAMP)
    UNFINISHED.unlink()
    _tell(f"Python packages are ready ({time.monotonic() - started:.0f} s).", code=0)


def _clear_unusable() -> None:
    """Empty a venv that cannot be trusted, its marker last: this may be interrupted too."""
    if not VENV.exists():
        return
    # Programs in a venv carry its path, so one that was moved or copied is of no use.
    is_moved = _stamps().get("place", str(VENV)) != str(VENV)
    if not (UNFINISHED.exists() or is_moved or not _runs(PYTHON)):
        return
    _tell("The environment in .venv is incomplete or was moved; making it anew ...", code=0)
    if VENV.is_symlink():
        # What it leads to is another checkout's, which may be using it.
        VENV.unlink()
        return
    UNFINISHED.touch()
    for entry in VENV.iterdir():
        if entry == UNFINISHED:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _runs(python: Path) -> bool:
    return _try([str(python), "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]) is None


def _make_venv() -> None:
    if _runs(PYTHON):
        return
    VENV.mkdir(exist_ok=True)
    UNFINISHED.touch()
    uv = _uv_on_path()
    if uv is None or _try([uv, "venv", "--quiet", "--allow-existing", "--python", BASE_PYTHON, str(VENV)]):
        _make_venv_with_pip()


def _make_venv_with_pip() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetupFailed(
            f"Python {version} at {BASE_PYTHON} comes without its 'venv' part, which OpsCore needs.\n"
            f"Install it (Debian, Ubuntu: apt-get install python{version}-venv) or uv, and start again."
        )
    if problem := _try([BASE_PYTHON, "-m", "venv", str(VENV)]):
        raise SetupFailed(f"Cannot make a Python environment in {VENV}:\n{problem}")


def _install(requirements: Path) -> None:
    """Install with uv, which is quick; where uv cannot, with pip: it may know an index that uv does not."""
    what = ["--quiet", "--require-hashes", "-r", str(requirements)]
    uv = _uv_on_path() or _own_uv()
    problem: str | None = "uv is not there"
    if uv:
        # Compiled once, here, and not by six processes at the same time when they first start.
        command = [uv, "pip", "install", "--compile-bytecode", "--python", str(PYTHON), *what]
        problem = _try(command, _uv_environment())
    if problem and _has_pip():
        problem = _try([*PIP, "install", *what])
    if problem:
        raise SetupFailed(
            f"Cannot install the packages of {requirements.name}:\n{problem}\n"
            "Is the package index within reach? The next start tries again."
        )


def _uv_on_path() -> str | None:
    uv = shutil.which("uv")
    # A shim of a version manager may be there and not run.
    return uv if uv and _try([uv, "--version"]) is None else None


def _own_uv() -> str | None:
    """uv inside the environment, put there by pip at the version and with the hashes of the lock."""
    uv = VENV / "bin" / "uv"
    if not uv.exists() and _has_pip():
        with tempfile.TemporaryDirectory() as folder:
            pinned = Path(folder) / "uv.txt"
            pinned.write_text(_lock_entry("uv"), encoding="utf-8")
            _try([*PIP, "install", "--quiet", "--require-hashes", "--no-deps", "-r", str(pinned)])
    return str(uv) if _try([str(uv), "--version"]) is None else None


def _lock_entry(name: str) -> str:
    """The lines of one package in requirements.txt: its pin and its hashes."""
    found = re.search(rf"^{name}==.*(?:\n +--hash.*)*", CORE.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise SetupFailed(f"{CORE} names no version of {name}; take the file from the repository again.")
    return found.group().rstrip("\\\n ") + "\n"


def _has_pip() -> bool:
    if _try([*PIP, "--version"]) is None:
        return True
    if importlib.util.find_spec("ensurepip") is None:
        return False
    return _try([str(PYTHON), "-m", "ensurepip"]) is None


def _uv_environment() -> dict[str, str]:
    """This process's environment, with pip's index for uv where nothing tells uv of one."""
    told = ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_CONFIG_FILE")
    index = None if any(name in os.environ for name in told) else _pip_index()
    return os.environ | ({"UV_DEFAULT_INDEX": index} if index else {})


def _pip_index() -> str | None:
    told = subprocess.run([BASE_PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    found = re.findall(r"^(?::env:|install|global)\.+index-url='(.+)'$", told.stdout, re.MULTILINE)
    return found[0] if found else None


def _try(command: list[str], environment: dict[str, str] | None = None) -> str | None:
    """None where the command succeeded, else the end of what it printed; shows the seconds on a terminal."""
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            command, env=environment, cwd=ROOT, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except OSError as error:
        return str(error)
    with process:
        while True:
            try:
                printed, _ = process.communicate(timeout=1)
                break
            except subprocess.TimeoutExpired:
                _show_clock(time.monotonic() - started)
    if process.returncode == 0:
        return None
    return "\n".join(printed.strip().splitlines()[-12:]) or f"exit code {process.returncode}"


def _show_clock(seconds: float) -> None:
    if sys.stderr.isatty():
        print(f"\r  {seconds:.0f} s ", end="\r", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
