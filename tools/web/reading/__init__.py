"""Take the text out of a page or PDF that was fetched, and what it says about itself.

Whoever wrote it may have written it for our parser, so the work is done in the sandbox, by inside.py, with the
worker's own packages shown read-only: they are locked, and the environment of the agents' code need not have them.
"""

import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from models.errors import Misconfigured
from tools import interpreter
from tools.command import last_object
from tools.contract import MIB, Context, Finished, Resources, ignore
from tools.sandbox.contract import Call, Inside

Kind = Literal["html", "pdf"]

_PROGRAM = "read.py"
_GIVEN = "page"
_SAID = ("title", "description", "author", "date", "site", "language", "pages", "links")
_WALL_S, _MEMORY_BYTES, _TEXT_BYTES = 60.0, 1024 * MIB, 16 * MIB


@dataclass(frozen=True)
class Read:
    """What was found.  `problem` says why there is no text; then nothing was written."""

    problem: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    """Title, description, author, date, site, language, links, pages: those that it says."""
    resources: Resources = field(default_factory=Resources)


def kind_of(content_type: str, body: bytes) -> Kind | None:
    """What our readers take it for; None for anything else."""
    if content_type == "application/pdf" or body.startswith(b"%PDF-"):
        return "pdf"
    if content_type in ("text/html", "application/xhtml+xml"):
        return "html"
    is_unsaid = content_type in ("", "application/octet-stream")
    return "html" if is_unsaid and re.match(rb"\s*<(!doctype html|html)\b", body[:1000], re.IGNORECASE) else None


def read(kind: Kind, body: bytes, url: str, charset: str, text_path: str, context: Context) -> Read:
    """Write its text to `text_path` of the workspace.  `charset` is what the host said, or empty.

    Raises:
        SandboxUnavailable: nothing was read.
    """
    program = Path(__file__).with_name("inside.py").read_bytes()
    words = [kind, Inside("packages"), Inside("given", _GIVEN), Inside("workspace", text_path), url, charset]
    call = Call(
        command=(str(interpreter.base().executable), "-I", "-S", "-B", Inside("given", _PROGRAM), *words),
        workspace=context.workspace.path,
        packages=_packages(),
        files={_PROGRAM: program, _GIVEN: body},
        limits=context.limits.tightened(
            wall_s=_WALL_S, cpu_s=_WALL_S, memory_bytes=_MEMORY_BYTES, processes=16, file_bytes=_TEXT_BYTES
        ),
    )
    return _found(context.sandbox.run(call, emit=ignore, is_cancelled=context.is_cancelled))


def _found(finished: Finished) -> Read:
    about = last_object(finished.stdout)
    if finished.exit_code == 0 and finished.hit is None and about is not None:
        return Read(about={name: about[name] for name in _SAID if name in about}, resources=finished.resources)
    return Read(problem=_problem(finished), resources=finished.resources)


def _problem(finished: Finished) -> str:
    if finished.hit is not None:
        return f"cannot read it: that took more than it may ({finished.hit})"
    if finished.exit_code is None:
        return "cannot read it: the call was cancelled"
    said = [line for line in finished.stderr.text.splitlines() if line.strip()]
    return said[-1].removeprefix("error: ")[:300] if said else f"cannot read it: exit code {finished.exit_code}"


def _packages() -> Path:
    """The folder that our own packages are in."""
    found = find_spec("trafilatura")
    if found is None or found.origin is None:
        raise Misconfigured("cannot read pages: the package trafilatura is not installed")
    return Path(found.origin).parent.parent
