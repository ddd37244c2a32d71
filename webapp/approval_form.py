"""The arguments of a call as a form that is filled in already, and what was sent, as arguments again.

The fields come from the tool's schema (schema_form.py).  A field that comes back as it was shown keeps its value, and
an argument that was not there stays away: nobody said anything about either.  A text with several lines gets a field
with several lines, and what no field can hold is edited as JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from models.errors import InvalidInput, NotFound, Problem
from tools.mistakes import of_json
from tools.registry import find
from webapp import schema_form
from webapp.schema_form import Field

JSON_FIELD = "arguments"
LONG = 60


@dataclass
class Form:
    """Either `fields`, or the arguments as one JSON text."""

    fields: list[Field]
    text: str
    is_json: bool
    problems: list[Problem]
    before: Mapping[str, Any] = field(default_factory=dict)
    """The arguments as the call has them."""
    untouched: frozenset[str] = frozenset()
    """Names of the fields that came back as they were shown."""


def form_of(tool: str, arguments: Mapping[str, Any], *, as_json: bool = False) -> Form:
    """The form with these arguments in it; as JSON where the tool is not known any more."""
    text = json.dumps(arguments, indent=2, ensure_ascii=False)
    try:
        schema = find(tool).Input.model_json_schema()
    except NotFound:
        schema = {}
    fields = [_exact(each) for each in schema_form.fields_of(schema, arguments)]
    return Form(fields, text, as_json or not fields, [], arguments)


def sent(tool: str, arguments: Mapping[str, Any], values: Mapping[str, str]) -> Form:
    """The form as it was sent back."""
    form = form_of(tool, arguments, as_json=JSON_FIELD in values)
    form.text = values.get(JSON_FIELD, form.text)
    if not form.is_json:
        form.untouched = frozenset(each.name for each in form.fields if _is_untouched(each, values))
        form.fields = [_as_sent(each, form, values) for each in form.fields]
    return form


def arguments_of(form: Form) -> dict[str, Any]:
    """What the form says.

    Raises:
        InvalidInput: it is no JSON object.
    """
    if not form.is_json:
        return {each.name: each.value for each in form.fields if _is_said(each, form)}
    try:
        found = json.loads(form.text)
    except json.JSONDecodeError as error:
        raise _no_object(of_json(error)) from error
    if not isinstance(found, dict):
        raise _no_object("it must be an object: {…}")
    return found


def show_problems(form: Form, problems: list[Problem]) -> None:
    """Put each problem at its field, and all of them above the form."""
    form.problems = problems
    for each in form.fields:
        mine = [found for found in problems if found["path"].startswith(f"arguments.{each.name}")]
        each.problem = mine[0]["message"][:1].upper() + mine[0]["message"][1:] if mine else ""


def _exact(each: Field) -> Field:
    """The field that can hold its value as it is."""
    value = each.value
    if each.kind == "text" and isinstance(value, str) and (len(value) > LONG or set("\r\n") & set(value)):
        return replace(each, kind="long")
    if each.kind == "lines" and isinstance(value, list):
        is_plain = all(isinstance(item, str) and item and item == " ".join(item.split()) for item in value)
        return each if is_plain else replace(each, kind="json")
    return each


def _is_untouched(each: Field, values: Mapping[str, str]) -> bool:
    text = values.get(each.key, "")
    if each.kind == "switch":
        return bool(text) == bool(each.value)
    return _lines(text) == _lines(each.shown)


def _lines(text: str) -> str:
    """The text with one kind of line end: a browser sends others than it got."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _as_sent(each: Field, form: Form, values: Mapping[str, str]) -> Field:
    return each if each.name in form.untouched else replace(each, value=_value(each, values.get(each.key, "")))


def _is_said(each: Field, form: Form) -> bool:
    """Whether the field is an argument; one that was emptied and cannot be None is left out."""
    if each.name in form.untouched:
        return each.name in form.before
    return each.value is not None or each.may_be_none


def _value(each: Field, text: str) -> Any:
    """The field's value as it was sent; an empty one is no text where only a text was wanted, else nothing."""
    if each.kind == "switch":
        return bool(text)
    if each.kind == "lines" and not text.strip():
        return []
    if not text:
        return "" if each.kind in ("text", "long") and not each.may_be_none else None
    return schema_form.inputs_of([each], {each.key: text}).get(each.name, text)


def _no_object(message: str) -> InvalidInput:
    problem = Problem(path=JSON_FIELD, message=f"is no JSON object: {message}")
    return InvalidInput("cannot read the arguments", problems=[problem])
