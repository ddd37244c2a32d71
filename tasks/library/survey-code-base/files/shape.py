"""The shape of one Python file, read from its syntax tree: functions, classes, nesting, imports.

Only statements are visited: what is counted here never stands inside an expression, and the
expressions are nine tenths of a tree.  The walk keeps a stack of its own, so depth cannot crash it.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
NAMED = (*FUNCTIONS, ast.ClassDef)

STRING_OR_COMMENT = re.compile(
    r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""'
    r"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''"
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
    r"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'"
    r"|#[^\n]*",
    re.DOTALL,
)
FORMATTED_STRING = re.compile(r"""(?<!\w)(?:[rR]?[fFtT]|[fFtT][rR])["']""")


@dataclass
class Shape:
    """What a file is made of; lines of a function are counted from its `def` to its end."""

    functions: int = 0
    classes: int = 0
    longest_function: str = ""
    longest_function_line: int = 0
    longest_function_lines: int = 0
    nesting: int = 0
    imports: int = 0
    modules: set[str] = field(default_factory=set)


def shape_of(tree: ast.Module) -> Shape:
    """Count what the tree holds; of two longest functions, the one that stands first is named."""
    shape = Shape()
    for node, depth, name in statements(tree):
        shape.nesting = max(shape.nesting, depth)
        if isinstance(node, FUNCTIONS):
            shape.functions += 1
            note_length(shape, node, name)
        elif isinstance(node, ast.ClassDef):
            shape.classes += 1
        elif isinstance(node, ast.Import | ast.ImportFrom):
            shape.imports += 1
            shape.modules.update(modules_of(node))
    return shape


def note_length(shape: Shape, node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> None:
    """Remember the function if it is the longest so far."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    best = (shape.longest_function_lines, -shape.longest_function_line)
    if (lines, -node.lineno) > best:
        shape.longest_function = name
        shape.longest_function_line = node.lineno
        shape.longest_function_lines = lines


def modules_of(node: ast.Import | ast.ImportFrom) -> set[str]:
    """The modules that an import names, as written: `os.path`, `.sibling`, `..`."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    return {"." * node.level + (node.module or "")}


def statements(tree: ast.Module) -> Iterator[tuple[ast.stmt, int, str]]:
    """Every statement with the number of blocks open there, and the full name of a function or class.

    A block counts itself: a function at the top of a file has depth 1, an `if` in it depth 2.
    """
    waiting: list[tuple[ast.stmt, int, str]] = [(node, 0, "") for node in tree.body]
    while waiting:
        node, outside, prefix = waiting.pop()
        inside = outside + 1 if hasattr(node, "body") or isinstance(node, ast.Match) else outside
        name = f"{prefix}.{node.name}".lstrip(".") if isinstance(node, NAMED) else prefix
        yield node, inside, name
        if inside > outside:
            waiting.extend((child, depth, name) for child, depth in children(node, outside))


def children(node: ast.stmt, outside: int) -> Iterator[tuple[ast.stmt, int]]:
    """The statements in a block, each with the number of blocks around it.

    `elif` is an `if` alone in the other's `else`, in the same column: it opens no deeper block.
    """
    for case in getattr(node, "cases", ()):
        yield from ((child, outside + 2) for child in case.body)
    for handler in getattr(node, "handlers", ()):
        yield from ((child, outside + 1) for child in handler.body)
    for part in ("body", "orelse", "finalbody"):
        below = getattr(node, part, ())
        chained = part == "orelse" and is_elif(node, below)
        yield from ((child, outside if chained else outside + 1) for child in below)


def is_elif(node: ast.stmt, below: list[ast.stmt]) -> bool:
    """Whether what stands below `else` was written as `elif`."""
    both = isinstance(node, ast.If) and len(below) == 1 and isinstance(below[0], ast.If)
    return both and below[0].col_offset == node.col_offset


def comments_in(data: bytes) -> int:
    """How many comments a file has that parses; its encoding is the one that it declares.

    One expression finds strings and comments, many times faster than the tokenizer.  It is exact unless
    a string can hold its own quote, as an f-string may since Python 3.12: then the tokenizer is asked.
    """
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    source = io.TextIOWrapper(io.BytesIO(data), encoding=encoding).read()
    if sys.version_info >= (3, 12) and FORMATTED_STRING.search(source):
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        return sum(token.type == tokenize.COMMENT for token in tokens)
    return sum(found.startswith("#") for found in STRING_OR_COMMENT.findall(source))
