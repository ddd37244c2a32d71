"""Read YAML (or JSON, which is YAML) and remember the line of every value.

Playbooks come from people: a mistake must be shown where it stands, and a text must not be
able to blow up in memory.  Aliases are therefore refused: nested ones grow without end.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import yaml

from models.errors import Problem

LONGEST_TEXT = 1 << 18
DEEPEST = 100
# The one that libyaml does the reading for is ten times as quick: a megabyte takes the other fifteen seconds.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Path = tuple[str | int, ...]


@dataclass
class Document:
    """The value of a text, the line (from 1) of each path in it, and what is wrong with it."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int | None:
        """The line of the path, or of the nearest part of it that there is."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def complain(self, path: Path, message: str) -> None:
        """Add a problem at the path."""
        self.problems.append(Problem(path=shown(path), line=self.line(path), message=message))


def shown(path: Path) -> str:
    """The path as people write it: `steps[2].with.file`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(text: str) -> Document:
    """The document; with a text that is no YAML its problems say where and why."""
    document = Document()
    if len(text) > LONGEST_TEXT:
        document.complain((), f"is longer than {LONGEST_TEXT} characters")
        return document
    try:
        if complaint := _harm(text):
            document.complain((), complaint)
            return document
        node = yaml.compose(text, Loader=LOADER)
        if node is not None:
            _note_lines(document, node, ())
        if not document.problems:
            document.value = yaml.load(text, Loader=LOADER)  # noqa: S506  (both loaders are safe ones)
            _refuse_strangers(document, document.value, ())
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        document.problems.append(Problem(path="", line=line, message=f"is not valid YAML: {error.problem}"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        document.complain((), f"is not valid YAML: {error}")
    return document


def _harm(text: str) -> str | None:
    """What the text must not have, if it has it; looks no further than the first of it."""
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        match event:
            case yaml.AliasEvent():
                return "uses YAML aliases (&name, *name); write the value out"
            case yaml.CollectionStartEvent():
                depth += 1
            case yaml.CollectionEndEvent():
                depth -= 1
        # Each level costs the parser as much as all those around it together.
        if depth > DEEPEST:
            return f"is nested deeper than {DEEPEST} levels"
    return None


def _note_lines(document: Document, node: yaml.Node, path: Path) -> None:
    document.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                document.complain(path, "has a key that is no text")
                continue
            at = (*path, str(key.value))
            document.lines[at] = key.start_mark.line + 1
            if key.value in seen:
                document.complain(at, "stands here a second time")
            seen.add(key.value)
            _note_lines(document, value, at)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _note_lines(document, item, (*path, index))


def _refuse_strangers(document: Document, value: Any, path: Path) -> None:
    """Complain of what YAML knows and JSON does not: dates, sets, bytes, infinity.  Rows and APIs are JSON."""
    match value:
        case dict():
            for key, item in value.items():
                _refuse_strangers(document, item, (*path, str(key)))
        case list():
            for index, item in enumerate(value):
                _refuse_strangers(document, item, (*path, index))
        case float() if not math.isfinite(value):
            document.complain(path, "is no number that can be kept; put it in quotes to mean the text")
        case str() | int() | float() | None:
            pass
        case _:
            document.complain(path, f"is read as a {type(value).__name__}; put it in quotes to mean the text")
