"""Which files a survey is about: every regular `*.py` file that belongs to the code base itself.

Packages that were installed into it (site-packages, dist-packages) and compiled files are left out;
symbolic links are not followed.  Used by plan_survey.py and measure.py; recount.py has a walk of its own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from outcome import BadInput

LEFT_OUT = frozenset({"site-packages", "dist-packages", "__pycache__"})


def every_file(root: Path) -> Iterator[tuple[str, int]]:
    """(path below `root`, size in bytes) of each regular file, in the order of the paths' bytes.

    Raises:
        BadInput: there is no such folder.
    """
    if not root.is_dir():
        raise BadInput(f"{root} is not a folder; give a folder or an archive that holds Python code")
    found = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in LEFT_OUT]
        for name in names:
            path = Path(folder, name)
            facts = path.lstat()
            if stat.S_ISREG(facts.st_mode):
                found.append((path.relative_to(root).as_posix(), facts.st_size))
    return iter(sorted(found, key=lambda entry: os.fsencode(entry[0])))


def python_files(root: Path) -> list[str]:
    """The paths below `root` of the files to measure, in the order of their bytes.

    Raises:
        BadInput: there is no such folder, or no Python file in it.
    """
    paths = [path for path, _ in every_file(root) if path.endswith(".py")]
    if not paths:
        raise BadInput("there is no .py file in what was given; give a folder or archive with Python code")
    return paths


def printable(path: str) -> str:
    """The path as text: bytes that are no UTF-8 are written as `\\xNN`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
