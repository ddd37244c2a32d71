"""The disk is full: small_disk.py, run where a small file system is mounted that nobody else sees."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from settings import PROJECT

SIZE = "80m"
# As an ordinary user one must be root to mount, and oneself again for what runs there.
MOUNT = f'mount -t tmpfs -o size={SIZE},mode=700 small "$1" && shift && exec "$@"'


def namespace() -> tuple[list[str], list[str]]:
    """What makes a mount namespace, and what then leads back to this user."""
    if os.getuid() == 0:
        return ["unshare", "--mount"], []
    back = ["unshare", "--user", f"--map-user={os.getuid()}", f"--map-group={os.getgid()}"]
    return ["unshare", "--user", "--map-root-user", "--mount"], back


@pytest.fixture
def prefix(tmp_path: Path) -> list[str]:
    """What runs a command where the small disk is."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if shutil.which("unshare") is None:
        pytest.skip("no `unshare` on this machine: a full disk was not tested")
    into, back = namespace()
    found = [*into, "sh", "-c", MOUNT, "sh", str(disk), *back]
    tried = subprocess.run([*found, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"this host lets nobody mount in a namespace: a full disk was not tested ({tried.stderr.strip()})")
    return found


@pytest.mark.parametrize("which", ["not long", pytest.param("long", marks=pytest.mark.long)])
def test_full_disk_holds_tasks_up_loses_none_and_says_so(prefix: list[str], tmp_path: Path, which: str) -> None:
    inside = Path(__file__).with_name("small_disk.py")
    command = [*prefix, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path}/in"]
    command += ["-m", which]
    told = {**os.environ, "SMALL_DISK": str(tmp_path / "disk")}
    ended = subprocess.run(
        [*command, str(inside)], cwd=PROJECT, env=told, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stdout[-6000:]
    assert " passed" in ended.stdout
