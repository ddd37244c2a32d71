"""The `{{ … }}` of playbooks: values of inputs and earlier steps, and nothing that could do harm.

Jinja2's sandbox without statements, calls or growing operators: an expression reads values
and formats them; it runs in the worker, outside the sandbox of the tools.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jinja2 import StrictUndefined, TemplateError, Undefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment, SecurityError

from models.errors import InvalidInput

FILTERS = (
    "default",
    "first",
    "float",
    "int",
    "join",
    "last",
    "length",
    "lower",
    "round",
    "sort",
    "string",
    "tojson",
    "upper",
)

_WHOLE = re.compile(r"\s*\{\{((?:(?!\}\}|\{\{).)*)\}\}\s*", re.DOTALL)


class _Environment(ImmutableSandboxedEnvironment):
    # These three make large values out of small texts.
    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "*" and all(isinstance(side, int | float) for side in (left, right)):
            return left * right
        raise SecurityError(f"the operator {operator} is not offered here")

    def is_safe_callable(self, obj: Any) -> bool:
        return False

    def getattr(self, obj: Any, attribute: str) -> Any:
        # A key named `items` or `count` must win over the method of that name.
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


@cache
def _environment() -> _Environment:
    environment = _Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    environment.filters = {name: environment.filters[name] for name in FILTERS}
    environment.globals.clear()
    return environment


def render(value: Any, names: Mapping[str, Any]) -> Any:
    """The value with every expression in it replaced; a text that is one expression keeps its type.

    Raises:
        InvalidInput: an expression is wrong or names what is not there.
    """
    if isinstance(value, str):
        return _render_text(value, names)
    if isinstance(value, Mapping):
        return {key: render(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [render(item, names) for item in value]
    return value


def mistakes(text: str) -> tuple[str | None, set[tuple[str, ...]]]:
    """What is wrong with the text's expressions, if anything, and the names they read.

    A name is its dotted parts: `{{ steps.measure.output.rows }}` reads ("steps", "measure", "output", "rows").
    """
    if "{%" in text or "{#" in text:
        return "only {{ expressions }} are offered here, no {% statements %}", set()
    try:
        tree = _environment().parse(text)
    except TemplateError as error:
        return str(error), set()
    except RecursionError:
        return "is nested too deep", set()
    if any(True for _ in tree.find_all(nodes.Call)):
        return "expressions cannot call anything", set()
    unknown = {node.name for node in tree.find_all(nodes.Filter)} - set(FILTERS)
    if unknown:
        return f"there is no filter {', '.join(sorted(unknown))}; there are {', '.join(FILTERS)}", set()
    return None, set(_names(tree))


def _names(tree: nodes.Node) -> Iterator[tuple[str, ...]]:
    """Every chain of names that is read; of `steps.a.output` also its beginnings."""
    for node in tree.find_all((nodes.Name, nodes.Getattr, nodes.Getitem)):
        chain = _chain(node)
        if chain:
            yield chain


def _chain(node: nodes.Node) -> tuple[str, ...]:
    match node:
        case nodes.Name(name=name):
            return (name,)
        case nodes.Getattr(node=inner, attr=attr):
            return (*_chain(inner), attr) if _chain(inner) else ()
        case nodes.Getitem(node=inner, arg=nodes.Const(value=str(key))):
            return (*_chain(inner), key) if _chain(inner) else ()
    return ()


def _render_text(text: str, names: Mapping[str, Any]) -> Any:
    if "{{" not in text:
        return text
    complaint, _ = mistakes(text)
    if complaint:
        raise InvalidInput(f"cannot evaluate {_shortened(text)}: {complaint}")
    try:
        alone = _WHOLE.fullmatch(text)
        if alone:
            value = _environment().compile_expression(alone[1], undefined_to_none=False)(**names)
            if isinstance(value, Undefined):
                str(value)  # a strict undefined says here what is not there
            return value
        return _environment().from_string(text).render(**names)
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise InvalidInput(f"cannot evaluate {_shortened(text)}: {error}") from error


def _shortened(text: str) -> str:
    return text.strip() if len(text) < 80 else f"{text.strip()[:80]}…"
