"""Programs that come from the system's package manager: installed when we are root, else named.

Add a program by adding a line to `PACKAGES`.
"""

import os
import shutil
import subprocess

# Per manager: what a person types, what installs without asking, and what refreshes an index that is too old.
MANAGERS: dict[str, tuple[str, list[str], list[str] | None]] = {
    "apt-get": (
        "apt-get install -y",
        ["apt-get", "install", "-y", "-q", "--no-install-recommends"],
        ["apt-get", "update", "-q"],
    ),
    "dnf": ("dnf install -y", ["dnf", "install", "-y", "-q"], None),
    "apk": ("apk add", ["apk", "add", "--no-cache", "-q"], None),
    "pacman": ("pacman -S", ["pacman", "-S", "--noconfirm", "--needed"], ["pacman", "-Sy", "--noconfirm"]),
    "zypper": (
        "zypper install",
        ["zypper", "--non-interactive", "install"],
        ["zypper", "--non-interactive", "refresh"],
    ),
}

# program: its package, and the managers that call the package otherwise
PACKAGES: dict[str, tuple[str, dict[str, str]]] = {
    "bwrap": ("bubblewrap", {}),
    "chromium": ("chromium", {}),
}


def is_there(program: str) -> bool:
    """Whether the program is on the PATH."""
    return shutil.which(program) is not None


def command_for(program: str) -> str | None:
    """The command that a person types to install it; None on a system with no manager that we know."""
    manager = _manager()
    if manager is None:
        return None
    prefix = "" if _is_root() else "sudo "
    return f"{prefix}{MANAGERS[manager][0]} {_package(program, manager)}"


def install(program: str) -> str | None:
    """Install the program; None where it is there now, else the reason why it is not."""
    manager = _manager()
    if manager is None or not _is_root():
        return "only root can install it"
    _, install, refresh = MANAGERS[manager]
    command = [*install, _package(program, manager)]
    problem = _run(command)
    if problem and refresh:
        problem = _run(refresh) or _run(command)
    return problem


def _manager() -> str | None:
    return next((name for name in MANAGERS if shutil.which(name)), None)


def _package(program: str, manager: str) -> str:
    package, exceptions = PACKAGES[program]
    return exceptions.get(manager, package)


def _is_root() -> bool:
    return os.geteuid() == 0


def _run(command: list[str]) -> str | None:
    """None where the command succeeded, else the last line that it printed."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return None if done.returncode == 0 else (lines or [f"exit code {done.returncode}"])[-1]
