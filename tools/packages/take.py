"""Take what the installer left in its scratch folder over into an environment: plain files and folders only.

The scratch folder is as hostile as what was unpacked in it.  It is read by descriptors (files_at.py), and what is
written is new: no link, no owner, no setuid bit and no second name comes along.
"""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from models.errors import Forbidden, InvalidInput
from tools import files_at
from tools.contract import Limits
from tools.workspace import Workspace

_SCRIPT = b"#!/usr/bin/env python3\n"
_FIRST_LINES = 4096
_RECORD = 8 * 1024**2


class TooLarge(Exception):
    """What was installed is over a limit; `hit` is the limit's name."""

    def __init__(self, hit: str) -> None:
        super().__init__(hit)
        self.hit = hit


@dataclass
class Taken:
    """Sizes by path."""

    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def total_bytes(self) -> int:
        return sum(self.sizes.values())


def take(scratch: Workspace, folder: str, target: Path, limits: Limits, python: str) -> Taken:
    """Copy scratch/folder to `target`, which must not be there; scripts are made to start whichever Python is first.

    `python` is the interpreter that the installer wrote into scripts.

    Raises:
        TooLarge: a limit on bytes or files.
        Forbidden: there is something else than files and folders.
    """
    taken, total, folders = Taken(), 0, [target]
    target.mkdir()
    with scratch.root() as root:
        source = files_at.open_beneath(root, folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for number, found in enumerate(files_at.walk(source), 1):
                total += found.stat.st_size if stat.S_ISREG(found.stat.st_mode) else 0
                _check_size(total, number, limits)
                _take_one(found, target / found.path, folders, taken, python)
        finally:
            os.close(source)
    for each in reversed(folders):
        each.chmod(0o555)
    return taken


def _check_size(total: int, number: int, limits: Limits) -> None:
    if total > limits.workspace_bytes:
        raise TooLarge("workspace_bytes")
    if number > limits.workspace_files:
        raise TooLarge("workspace_files")


def _take_one(found: files_at.Found, target: Path, folders: list[Path], taken: Taken, python: str) -> None:
    if stat.S_ISDIR(found.stat.st_mode) and found.depth < files_at.DEPTH_LIMIT:
        target.mkdir()
        folders.append(target)
    elif stat.S_ISREG(found.stat.st_mode):
        _copy(found, target, python)
        taken.sizes[found.path] = found.stat.st_size
    else:
        raise Forbidden("cannot install: a package holds more than files and folders", path=repr(found.path))


def _copy(found: files_at.Found, target: Path, python: str) -> None:
    try:
        source = files_at.open_regular(found.folder, found.name, os.O_RDONLY)
    except InvalidInput as error:
        raise Forbidden("cannot install: a package holds a file with several names", path=repr(found.path)) from error
    with os.fdopen(source, "rb") as file, target.open("xb") as copy:
        if found.path.startswith("bin/"):
            copy.write(portable(file.read(_FIRST_LINES), python))
            copy.flush()
        files_at.copy_bytes(file.fileno(), copy.fileno(), found.stat.st_size)
    # Bytecode names the time of its source.
    os.utime(target, ns=(found.stat.st_mtime_ns, found.stat.st_mtime_ns))
    target.chmod(0o555 if found.stat.st_mode & 0o111 else 0o444)


def portable(start: bytes, python: str) -> bytes:
    """The beginning of a script, with the Python that is first in PATH in place of the installer's."""
    if start.startswith(f"#!{python}\n".encode()):
        return _SCRIPT + start.partition(b"\n")[2]
    lines = start.split(b"\n", 3)
    if len(lines) == 4 and lines[0] == b"#!/bin/sh" and lines[1].startswith(b"'''exec' "):
        # What installers write for a path that is too long for a first line.
        return _SCRIPT + lines[3]
    return start


def sizes_of_packages(taken: Taken, installed: Path) -> dict[str, int]:
    """Bytes by the name of each `*.dist-info` folder, as its own list of files says; 0 for what lists none."""
    return {
        record.parent.name.removesuffix(".dist-info"): sum(taken.sizes.get(path, 0) for path in _listed(record))
        for record in sorted(installed.glob("*.dist-info/RECORD"))
        # Another package may have put a folder of that name there.
        if record.is_file()
    }


def _listed(record: Path) -> set[str]:
    with record.open("rb") as file:
        lines = file.read(_RECORD).decode("utf-8", "replace").splitlines()
    return {line.rsplit(",", 2)[0].strip('"') for line in lines}
