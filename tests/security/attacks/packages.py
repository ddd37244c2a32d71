"""Requests for packages and repositories that would bring a stranger's program, or one of the host's files.

What stands for "without": the same installer and the same git, with nobody in between.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uv

from tests.security.attacks.attack import Deed
from tests.support import wheels
from tests.support.boxed import Box
from tests.support.packaged import bare_host
from tools.registry import find

KIND = "packages"
DENIED = ("evil",)
# Building it runs whatever it likes; the backend is its own, so that nothing else is needed.
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
BACKEND = """
import zipfile
def build_wheel(folder, *_):
    with zipfile.ZipFile(folder + "/evil-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("evil.py", "")
        archive.writestr("evil-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: evil\\nVersion: 1.0\\n")
        said = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        archive.writestr("evil-1.0.dist-info/WHEEL", said)
        archive.writestr("evil-1.0.dist-info/RECORD", "")
    return "evil-1.0-py3-none-any.whl"
build_editable = build_wheel
"""
FILES = {"pyproject.toml": PROJECT, "backend.py": BACKEND}
Ask = Callable[[str], list[str]]


def _prepared(place: Path) -> None:
    """A folder `evil`, an archive of it, a list that names it, a repository, and a folder of files to install."""
    (place / "evil").mkdir()
    for name, text in FILES.items():
        (place / "evil" / name).write_text(text)
    wheels.source(place, "evil", "1.0", FILES)
    (place / "list.txt").write_text("evil\n")
    wheels.wheel(place / "index", "evil")
    wheels.wheel(place / "index", "nice", needs=["evil"])
    wheels.source(place / "index", "unbuilt", "1.0", {n: text.replace("evil", "unbuilt") for n, text in FILES.items()})
    git = ["git", "-C", str(place / "evil"), "-c", "user.name=a", "-c", "user.email=b", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], check=True)


def _asking(name: str, ask: Ask, **more: Any) -> Deed:
    """A request of `ask`, which is told where the things above are; it got through if it was granted."""

    def inside(box: Box, host: Any) -> bool:
        place = Path(host.folder, f"packages-{abs(hash(name))}")
        place.mkdir()
        _prepared(place)
        with pytest.MonkeyPatch.context() as patch:
            found = bare_host(place, patch)
            found.set(UV_FIND_LINKS=str(place / "index"))
            rules = replace(found.rules, deny=DENIED)
            return found.install(box, *ask(str(place)), packages=rules).exit_code == 0

    def outside(folder: Path, host: Any) -> bool:
        _prepared(folder)
        options = ["--no-config", "--no-index", "--find-links", f"{folder}/index", "--target", f"{folder}/target"]
        command = [uv.find_uv_bin(), "pip", "install", "--python", sys.executable, "--cache-dir", f"{folder}/cache"]
        done = subprocess.run([*command, *options, *ask(str(folder))], cwd=folder, capture_output=True, check=False)
        return done.returncode == 0

    return Deed(name=name, kind=KIND, inside=inside, outside=outside, **{"is_long": True, **more})


def _cloning(name: str, url: Callable[[Any], str], **more: Any) -> Deed:
    """A repository of the host's disk, by some way of saying so."""

    def inside(box: Box, host: Any) -> bool:
        place = Path(host.folder, f"repository-{abs(hash(name))}")
        place.mkdir()
        _prepared(place)
        tool = find("git.clone")
        return tool.run(tool.parse({"url": url(place), "into": "taken"}), box.context()).exit_code == 0

    def outside(folder: Path, host: Any) -> bool:
        _prepared(folder)
        allowed = ["git", "-c", "protocol.ext.allow=always"]
        return subprocess.run([*allowed, "clone", "-q", url(folder), f"{folder}/taken"], check=False).returncode == 0

    return Deed(name=name, kind=KIND, inside=inside, outside=outside, **{"is_long": True, **more})


def _locked(box: Box, host: Any) -> bool:
    box.workspace.write_bytes("packages.txt", f"evil @ file://{host.folder}/evil\n".encode())
    with pytest.MonkeyPatch.context() as patch:
        place = Path(host.folder, "locked")
        place.mkdir()
        return bare_host(place, patch).install(box).exit_code == 0


def _from_list(folder: Path, host: Any) -> bool:
    _prepared(folder)
    (folder / "packages.txt").write_text(f"evil @ file://{folder}/evil\n")
    command = [uv.find_uv_bin(), "pip", "install", "--no-config", "--no-index", "--python", sys.executable]
    options = ["--target", f"{folder}/target", "-r", f"{folder}/packages.txt"]
    return subprocess.run([*command, *options], capture_output=True, check=False).returncode == 0


FOLDER = _asking("install a folder", lambda place: [f"{place}/evil"])
FILE_URL = _asking("install a folder by its URL", lambda place: [f"evil @ file://{place}/evil"], is_long=False)
BARE_URL = _asking("install a folder by nothing but its URL", lambda place: [f"file://{place}/evil"])
ARCHIVE = _asking("install an archive", lambda place: [f"{place}/evil-1.0.tar.gz"])
WHEEL = _asking("install a wheel of one's own", lambda place: [f"{place}/index/evil-1.0-py3-none-any.whl"])
VERSION_CONTROL = _asking("install from a repository", lambda place: [f"git+file://{place}/evil"])
EDITABLE = _asking("install by an option: where the files are", lambda place: [f"--editable={place}/evil"])
LIST = _asking("install by an option: what a file lists", lambda place: [f"-r{place}/list.txt"])
INDEX = _asking("install by an option: from elsewhere", lambda place: [f"--find-links={place}/index", "evil"])
DENIED_NAME = _asking("install what is denied", lambda place: ["evil"], is_long=False)
DENIED_SPELLING = _asking("install what is denied in another spelling", lambda place: ["EVIL[extra]>=0"])
DENIED_BEHIND = _asking("install what is denied because something else needs it", lambda place: ["nice"])
UNBUILT = _asking("install what has to be built, and so runs a stranger's program", lambda place: ["unbuilt"])
LOCKED = Deed(name="install what a list planted in the workspace says", kind=KIND, inside=_locked, outside=_from_list)
CLONE_PATH = _cloning("clone a repository of the host by its path", lambda place: f"{place}/evil")
CLONE_URL = _cloning("clone a repository of the host by a URL", lambda place: f"file://{place}/evil", is_long=False)
CLONE_PROGRAM = _cloning("clone by a program of one's own", lambda place: f"ext::git-upload-pack {place}/evil")
