"""The prompts that conversations with a model begin with: a file of this folder each, with its version.

A step keeps name, version and digest of the prompt that it was asked with, so that what a model was told can be
told later.  Who uses them: tasks/minds/conversation.py.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from models.errors import NotFound

FOLDER = Path(__file__).parent
FENCE = "---\n"


@dataclass(frozen=True)
class Prompt:
    """A prompt's text, and which one it is."""

    name: str
    version: str
    digest: str
    """Of the whole file, SHA-256, the first 16 digits."""
    text: str

    @property
    def told(self) -> dict[str, str]:
        """For a row: which one it was."""
        return {"name": self.name, "version": self.version, "digest": self.digest}


@cache
def names() -> tuple[str, ...]:
    """The names of all prompts."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.md")))


@cache
def find(name: str) -> Prompt:
    """The prompt of that name.

    Raises:
        NotFound: there is none; the details list those that there are.
    """
    if name not in names():
        raise NotFound("cannot find the prompt", name=name, known=list(names()))
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    _, head, body = text.split(FENCE, 2)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Prompt(name, str(yaml.safe_load(head)["version"]), digest, body.strip())
