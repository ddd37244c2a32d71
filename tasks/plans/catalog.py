"""The templates: one folder of tasks/library/ each, a playbook.yaml or plan.yaml and the files it brings.

A plan.yaml holds a model plan.  Adding a template is adding a folder.  Files of `files/` land in the workspace's
src/, those of `_shared/` are given to every template that is a playbook.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from models.errors import NotFound
from tasks.plans.kept import AnyPlan
from tasks.plans.plan_text import parse
from tasks.plans.playbook import Playbook

LIBRARY = Path(__file__).parent.parent / "library"
PLAN_FILES = ("playbook.yaml", "plan.yaml")


@dataclass(frozen=True)
class Template:
    """A plan with a name that people choose it by; its form is made from `inputs`."""

    slug: str
    plan: AnyPlan

    @property
    def title(self) -> str:
        return self.plan.title

    @property
    def description(self) -> str:
        return self.plan.description

    @property
    def version(self) -> str:
        return self.plan.version

    @property
    def complexity(self) -> int:
        return self.plan.complexity

    @property
    def inputs(self) -> dict[str, Any]:
        """A JSON Schema of an object."""
        return self.plan.inputs


@cache
def templates() -> list[Template]:
    """Every template, by slug."""
    files = sorted(file for name in PLAN_FILES for file in LIBRARY.glob(f"*/{name}"))
    return [Template(file.parent.name, _load(file)) for file in files]


def find(slug: str) -> Template:
    """The template of that slug.

    Raises:
        NotFound: there is none; the details list those that there are.
    """
    by_slug = {template.slug: template for template in templates()}
    if slug not in by_slug:
        raise NotFound("cannot find the template", template=slug, known=sorted(by_slug))
    return by_slug[slug]


def _load(file: Path) -> AnyPlan:
    plan = parse(file.read_text(encoding="utf-8"))
    shared = _texts(LIBRARY / "_shared") if isinstance(plan, Playbook) else {}
    plan.files |= shared | _texts(file.parent / "files")
    return plan


def _texts(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {f"src/{path.relative_to(folder).as_posix()}": path.read_text(encoding="utf-8") for path in files}
