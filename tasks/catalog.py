"""The templates: one folder of tasks/library/ each, a playbook.yaml and the files it brings.

Adding a template is adding a folder.  Files of `files/` land in the workspace's src/, those
of `_shared/` are given to every template.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from models.errors import NotFound
from tasks.playbook import Playbook, parse

LIBRARY = Path(__file__).parent / "library"


@dataclass(frozen=True)
class Template:
    """A playbook with a name that people choose it by; its form is made from `inputs`."""

    slug: str
    playbook: Playbook

    @property
    def title(self) -> str:
        return self.playbook.title

    @property
    def description(self) -> str:
        return self.playbook.description

    @property
    def version(self) -> str:
        return self.playbook.version

    @property
    def complexity(self) -> int:
        return self.playbook.complexity

    @property
    def inputs(self) -> dict[str, Any]:
        """A JSON Schema of an object."""
        return self.playbook.inputs


@cache
def templates() -> list[Template]:
    """Every template, by slug."""
    return [Template(file.parent.name, _load(file.parent)) for file in sorted(LIBRARY.glob("*/playbook.yaml"))]


def find(slug: str) -> Template:
    """The template of that slug.

    Raises:
        NotFound: there is none; the details list those that there are.
    """
    by_slug = {template.slug: template for template in templates()}
    if slug not in by_slug:
        raise NotFound("cannot find the template", template=slug, known=sorted(by_slug))
    return by_slug[slug]


def _load(folder: Path) -> Playbook:
    playbook = parse((folder / "playbook.yaml").read_text(encoding="utf-8"))
    playbook.files |= _texts(LIBRARY / "_shared") | _texts(folder / "files")
    return playbook


def _texts(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {f"src/{path.relative_to(folder).as_posix()}": path.read_text(encoding="utf-8") for path in files}
