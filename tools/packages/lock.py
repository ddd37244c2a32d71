"""`packages.txt`: what a task has, in its workspace, so that it is in the history and comes back on resume.

It is an ordinary requirements file: each package with its version and the hash of the one file that is
installed.  An agent may edit it; then it is the name of another environment, or of none.  It can name nothing
of the host.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from models.errors import Conflict, InvalidInput, NotFound
from tools.contract import MIB
from tools.workspace import Workspace

FILE = "packages.txt"
MOST_BYTES = MIB
MARK = "# Packages of this task, written by python.install. "
_ASKED = "# asked for: "
_SOURCE = "--no-binary "
_PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)((?: +--hash=sha256:[0-9a-f]{64})+)")


@dataclass(frozen=True, order=True)
class Locked:
    """One package: its canonical name, and the SHA-256 of each file that may be installed for it."""

    name: str
    version: str
    hashes: tuple[str, ...]
    from_source: bool = False


@dataclass(frozen=True)
class Lock:
    """What was asked for, and what that is in full; both sorted."""

    asked: tuple[str, ...]
    packages: tuple[Locked, ...]

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.packages]

    @property
    def sources(self) -> list[str]:
        return [each.name for each in self.packages if each.from_source]

    @property
    def pins(self) -> str:
        """The packages as a requirements file, without a comment; the same packages have the same text."""
        return "".join(_lines(self.packages))

    def text(self, python: str) -> str:
        """The whole file; `python` says for people what it was made for."""
        head = [
            f"{MARK}For {python}.\n",
            f"# The same elsewhere: pip install --require-hashes --no-deps -r {FILE}\n",
            *(f"{_ASKED}{each}\n" for each in self.asked),
        ]
        return "".join(head) + self.pins

    def digest(self, *more: str) -> str:
        """Names the environment that these packages make, together with whatever else decides it."""
        return hashlib.sha256("\0".join([self.pins, *more]).encode()).hexdigest()


def parse(text: str) -> Lock:
    """The file's contents.

    Raises:
        InvalidInput: a line is neither a comment nor a package with its hashes; says which.
    """
    asked, found, sources = [], [], set()
    for number, line in _joined(text):
        if line.startswith(_ASKED):
            asked.append(line.removeprefix(_ASKED))
        elif line.startswith(_SOURCE):
            sources.add(canonicalize_name(line.removeprefix(_SOURCE).strip()))
        elif line and not line.startswith("#"):
            found.append(_locked(line, number))
    marked = (Locked(each.name, each.version, each.hashes, each.name in sources) for each in found)
    return Lock(tuple(asked), tuple(sorted(marked)))


def read(workspace: Workspace) -> Lock | None:
    """What the task has; None where it never asked for a package.

    Raises:
        InvalidInput: its file is damaged.
    """
    text = _text(workspace)
    return parse(text) if text is not None and text.startswith(MARK) else None


def write(workspace: Workspace, lock: Lock, python: str) -> None:
    """Say in the workspace what the task has.

    Raises:
        Conflict: there is a file of that name which is somebody else's.
    """
    check_ours(workspace)
    workspace.write_bytes(FILE, lock.text(python).encode())


def check_ours(workspace: Workspace) -> None:
    """Refuse to write over a file that says something else.

    Raises:
        Conflict: there is one.
    """
    text = _text(workspace)
    if text is not None and not text.startswith(MARK):
        raise Conflict(f"cannot keep account of the packages: {FILE} is a file of somebody else; move it away")


def _text(workspace: Workspace) -> str | None:
    try:
        return workspace.read_bytes(FILE, MOST_BYTES).decode("utf-8", "replace")
    except NotFound:
        return None


def _lines(packages: Iterable[Locked]) -> Iterator[str]:
    for each in sorted(packages):
        if each.from_source:
            yield f"{_SOURCE}{each.name}\n"
    for each in sorted(packages):
        yield " \\\n    ".join([f"{each.name}=={each.version}", *(f"--hash=sha256:{digest}" for digest in each.hashes)])
        yield "\n"


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Lines with what they are continued by, and the number of each one's first."""
    started, waiting = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        started, waiting = (started, f"{waiting} {line.strip()}") if waiting else (number, line.strip())
        if waiting.endswith("\\"):
            waiting = waiting[:-1].rstrip()
        else:
            yield started, waiting
            waiting = ""
    yield started, waiting


def _locked(line: str, number: int) -> Locked:
    match = _PACKAGE.fullmatch(line)
    try:
        if match is None:
            raise InvalidVersion(line)
        version = str(Version(match[2]))
    except ValueError as error:  # not only InvalidVersion: a number may have more digits than Python reads
        raise InvalidInput(f"cannot read {FILE}: no package with its hashes", line=number) from error
    hashes = tuple(sorted(word.rpartition(":")[2] for word in match[3].split()))
    return Locked(canonicalize_name(match[1]), version, hashes)
