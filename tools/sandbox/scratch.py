"""The folder that a call of tier 3 has for its temporary files, where it can have no file system of its own.

The outer process makes it and deletes it (tools/confine/places.py); what it has no time for is deleted here, by
the worker, or by the next one where both were killed.
"""

import os
import re
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from tools import identity, removal
from tools.sandbox.worker_name import is_gone, worker_name

_NAME = re.compile(r"(opscore-worker-\d+-\d+-\d+)-[0-9a-f]{16}")


def new_path() -> Path:
    """Where the folder of one call is to be made."""
    return _above() / f"{worker_name()}-{secrets.token_hex(8)}"


def remove(folder: Path) -> None:
    """Delete the folder if it is there; everything of its call is dead by now."""
    with suppress(FileNotFoundError):
        above = os.open(folder.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            removal.remove_tree(above, folder.name)
        finally:
            os.close(above)


def remove_of_gone_workers() -> int:
    """Delete the folders of workers that live no more, as far as they are ours; returns how many there were."""
    found = [path for path in _above().iterdir() if (name := _NAME.fullmatch(path.name)) and is_gone(name[1])]
    ours = [path for path in found if _is_ours(path)]
    for folder in ours:
        remove(folder)
    return len(ours)


def _is_ours(path: Path) -> bool:
    try:
        seen = path.stat(follow_symlinks=False)
    except FileNotFoundError:  # another worker of the same host was first
        return False
    owners = identity.UIDS if identity.drops_uid() else (os.geteuid(),)
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid in owners


def _above() -> Path:
    # Whom root becomes must be able to make it too.
    return Path("/tmp" if identity.drops_uid() else tempfile.gettempdir())  # noqa: S108
